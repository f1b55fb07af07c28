"""Pictures of the same rows: identical by their bytes or their pixels, and else how far apart.

A baseline's file comes from elsewhere, so a picture is opened only if it is a PNG no larger than its cell's own size.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.compare.cases import CellPair
from harness.compare.matching import RowPair
from harness.compare.types import Pictures
from harness.plan.types import Settings
from harness.store.png_header import size_of
from harness.store.records import CellRecord

Pixels = NDArray[np.uint8]
_ROOM = 64  # pixels by which a pipeline may round a side up: the size multiple of the real models


@dataclass(frozen=True)
class Looked:
    """What was seen of a pair of cells; ``apart``: the baseline's row ids -> mean difference, of 255 levels.

    Rows whose pictures are identical, or cannot be subtracted, are not in ``apart``.
    """

    pictures: Pictures
    apart: dict[str, float]


def look(cells: CellPair) -> Looked:
    """Hold every shared row's two pictures against each other."""
    found = {rows[0].id: _difference(cells, rows) for rows in cells.rows}
    apart = {name: one for name, one in found.items() if not isinstance(one, str)}
    count = {what: sum(one == what for one in found.values() if isinstance(one, str)) for what in _OUTCOMES}
    subtracted = count["identical"] + len(apart)
    told = Pictures(
        rows=len(cells.rows),
        identical=count["identical"],
        different=len(apart) + count["resized"],
        missing=count["missing"],
        resized=count["resized"],
        unread=count["unread"],
        largest_difference=max((one.largest for one in apart.values()), default=0) if subtracted else None,
    )
    return Looked(told, {name: one.mean for name, one in apart.items()})


def both(cells: CellPair, rows: RowPair) -> tuple[bytes, bytes] | None:
    """The PNG bytes of a row in both runs, if both are there."""
    theirs, mine = cells.baseline.picture(cells.old, rows[0]), cells.run.picture(cells.new, rows[1])
    return (theirs, mine) if theirs is not None and mine is not None else None


def pixels(png: bytes) -> Pixels:
    """Of a picture: (height, width, 3), 0 to 255."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def fits(png: bytes, settings: Settings) -> bool:
    """Whether bytes are a PNG that is no larger than a cell makes them."""
    size = size_of(png)
    return size is not None and size[0] < settings.width + _ROOM and size[1] < settings.height + _ROOM


def opened(png: bytes, settings: Settings) -> Pixels | None:
    """A cell's picture; ``None``: it is larger than the cell makes them, no PNG, or damaged."""
    if not fits(png, settings):
        return None
    try:
        return pixels(png)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what a decoder says of damage
        return None


@dataclass(frozen=True)
class _Apart:
    """Absolute difference of two pictures, of 255 levels."""

    mean: float
    largest: int


_Outcome = Literal["identical", "missing", "resized", "unread"]
_OUTCOMES: tuple[_Outcome, ...] = ("identical", "missing", "resized", "unread")


def _difference(cells: CellPair, rows: RowPair) -> _Apart | _Outcome:
    """How far two pictures are apart, or why they are not subtracted."""
    sums = sum_of(cells.old, rows[0].id), sum_of(cells.new, rows[1].id)
    if sums[0] is not None and sums[0] == sums[1]:
        return "identical"
    found = both(cells, rows)
    if found is None:
        return "missing"
    theirs, mine = opened(found[0], cells.old.settings), opened(found[1], cells.new.settings)
    if theirs is None or mine is None:
        return "unread"
    if theirs.shape != mine.shape:
        return "resized"
    apart = np.abs(mine.astype(np.int16) - theirs.astype(np.int16))
    return _Apart(float(apart.mean()), int(apart.max())) if apart.any() else "identical"


def sum_of(cell: CellRecord, row_id: str) -> str | None:
    """The SHA-256 of a row's PNG bytes, as the record has it."""
    batch = cell.batch_of(row_id)
    return None if batch is None else batch.sum_of(row_id)

"""Pictures of the same rows: identical by their bytes or their pixels, and else how far apart."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.compare.cases import CellPair
from harness.compare.matching import RowPair
from harness.compare.types import Pictures
from harness.store.records import CellRecord

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Looked:
    """What was seen of a pair of cells; ``apart``: the baseline's row ids -> mean difference, of 255 levels.

    Rows whose pictures are identical, or cannot be subtracted, are not in ``apart``.
    """

    pictures: Pictures
    apart: dict[str, float]


def look(cells: CellPair) -> Looked:
    """Hold every shared row's two pictures against each other."""
    identical, missing, resized, largest = 0, 0, 0, 0
    apart: dict[str, float] = {}
    for rows in cells.rows:
        found = _difference(cells, rows)
        if found is None:
            missing += 1
        elif found.shape == ():
            resized += 1
        elif not found.any():
            identical += 1
        else:
            apart[rows[0].id] = float(found.mean())
            largest = max(largest, int(found.max()))
    subtracted = identical + len(apart)
    told = Pictures(
        rows=len(cells.rows),
        identical=identical,
        different=len(apart) + resized,
        missing=missing,
        resized=resized,
        largest_difference=largest if subtracted else None,
    )
    return Looked(told, apart)


def both(cells: CellPair, rows: RowPair) -> tuple[bytes, bytes] | None:
    """The PNG bytes of a row in both runs, if both are there."""
    theirs, mine = cells.baseline.picture(cells.old, rows[0]), cells.run.picture(cells.new, rows[1])
    return (theirs, mine) if theirs is not None and mine is not None else None


def pixels(png: bytes) -> Pixels:
    """Of a picture: (height, width, 3), 0 to 255."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


_SAME: NDArray[np.int16] = np.zeros((1,), dtype=np.int16)
_UNLIKE: NDArray[np.int16] = np.zeros((), dtype=np.int16)


def _difference(cells: CellPair, rows: RowPair) -> NDArray[np.int16] | None:
    """Absolute difference of two pictures; ``None``: one is missing; without a shape: of two sizes."""
    sums = _sum_of(cells.old, rows[0].id), _sum_of(cells.new, rows[1].id)
    if sums[0] is not None and sums[0] == sums[1]:
        return _SAME
    found = both(cells, rows)
    if found is None:
        return None
    theirs, mine = map(pixels, found)
    if theirs.shape != mine.shape:
        return _UNLIKE
    return np.abs(mine.astype(np.int16) - theirs.astype(np.int16))


def _sum_of(cell: CellRecord, row_id: str) -> str | None:
    """The SHA-256 of a row's PNG bytes."""
    for batch in cell.batches:
        if row_id in batch.rows:
            return batch.image_sha256[batch.rows.index(row_id)]
    return None

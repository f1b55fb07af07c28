"""Pictures beside the reference's, and their difference amplified: the first row, and the row that differs the most."""

from __future__ import annotations

import io
import math
import statistics
from dataclasses import dataclass

from PIL import Image

from harness.plan.types import InputRow
from harness.report.drawing import Drawing, text_width, wrap
from harness.report.inputs import heading
from harness.report.optimizations.audit import Audit, Audited, Family
from harness.report.optimizations.pixels import amplified, pixels_of
from harness.report.pictures import INK, MUTED, data_uri, place
from harness.report.tiles import Tile, TileBlock, TileLine
from harness.report.view import RunView

MOST = 12  # cells of a report whose pictures are shown
_FACTORS = (128, 64, 32, 16, 8, 4, 2, 1)
_GAP, _HEAD = 6, 46  # pixels


@dataclass(frozen=True)
class Pair:
    """One row's pictures: the reference's, the cell's, their difference times the report's factor."""

    row: InputRow
    reference: bytes | None
    cell: bytes | None
    difference: bytes | None

    @property
    def tiles(self) -> tuple[bytes | None, ...]:
        """In the order they are shown."""
        return self.reference, self.cell, self.difference


@dataclass(frozen=True)
class Shown:
    """One cell's pairs: of the first row and of the one that differs the most."""

    title: str
    one: Audited
    first: Pair
    farthest: Pair


@dataclass(frozen=True)
class Beside:
    """The pictures of the report, and the rule they were chosen by. ``factor``: what every difference is times."""

    shown: tuple[Shown, ...]
    factor: int
    rule: str

    @property
    def heads(self) -> tuple[str, ...]:
        """Over the columns."""
        difference = f"|difference| × {self.factor}"
        return ("reference", "first row", difference, "reference", "row that differs most", difference)


def beside(audit: Audit) -> Beside | None:
    """The cells whose pixels differ, in the report's order; ``None`` where no picture differs."""
    found = [(family, one) for family in audit.families for one in family.compared if _differs(one)]
    if not found:
        return None
    factor = _factor([one.looks.largest or 1 for _, one in found if one.looks])
    shown = tuple(_shown(audit, family, one, factor) for family, one in found[:MOST])
    left = f" {len(found) - MOST} further cells are left out." if len(found) > MOST else ""
    rule = (
        f"Every cell whose pixels differ from the reference's: the first row, and the row that differs the most "
        f"(lowest PSNR). Differences are amplified {factor}× everywhere, and cut at white.{left}"
    )
    return Beside(shown, factor, rule)


def _differs(one: Audited) -> bool:
    look = one.looks
    return look is not None and look.farthest is not None and bool(look.largest)


def _factor(largest: list[int]) -> int:
    """What brings the geometric mean of the cells' largest differences near to white: one power of two for all."""
    middle = math.exp(statistics.fmean(map(math.log, largest)))
    return next(factor for factor in _FACTORS if factor * middle <= 255)


def _shown(audit: Audit, family: Family, one: Audited, factor: int) -> Shown:
    assert one.looks is not None and one.looks.farthest is not None
    first = audit.view.rows_of(one.cell)[0]
    name = f"{family.title}: {one.name}" if audit.several else one.name
    pairs = [_pair(audit.view, one, row, factor) for row in (first, one.looks.farthest)]
    return Shown(name, one, pairs[0], pairs[1])


def _pair(view: RunView, one: Audited, row: InputRow, factor: int) -> Pair:
    assert one.reference is not None
    theirs, mine = view.picture(one.reference, row), view.picture(one.cell, row)
    return Pair(row, theirs, mine, _difference(theirs, mine, factor))


def _difference(theirs: bytes | None, mine: bytes | None, factor: int) -> bytes | None:
    if theirs is None or mine is None:
        return None
    one, other = pixels_of(mine), pixels_of(theirs)
    if one.shape != other.shape:
        return None
    with io.BytesIO() as out:
        Image.fromarray(amplified(one, other, factor)).save(out, "PNG", optimize=True)
        return out.getvalue()


def block_of(found: Beside) -> TileBlock:
    """The pictures as the page shows them."""
    lines = tuple(
        TileLine(shown.title, tuple(_tile(png, pair, head) for pair, png, head in _columns(found, shown)))
        for shown in found.shown
    )
    return TileBlock("", found.heads, lines, found.rule)


def _columns(found: Beside, shown: Shown) -> list[tuple[Pair, bytes | None, str]]:
    pairs = [shown.first] * 3 + [shown.farthest] * 3
    return list(zip(pairs, (*shown.first.tiles, *shown.farthest.tiles), found.heads, strict=True))


def _tile(png: bytes | None, pair: Pair, head: str) -> Tile:
    title = f"{head} · {pair.row.prompt or pair.row.id} · seed {pair.row.seed}"
    return Tile(data_uri(png) if png else None, head, title, missing=png is None)


def draw_beside(found: Beside, tile: int) -> Image.Image:
    """The pictures as one, a cell a line."""
    side = 20 + min(260, max(round(text_width(shown.title, 13)) for shown in found.shown))
    width = side + 6 * (tile + _GAP) + 3 * _GAP
    sheet = Drawing(width, _HEAD + len(found.shown) * (tile + _GAP + 18) + _GAP)
    lefts = [side + column * (tile + _GAP) + (2 * _GAP if column > 2 else 0) for column in range(6)]
    for left, head in zip(lefts, found.heads, strict=True):
        sheet.text((left, 16), wrap(head, 11, tile, lines=3), 11, MUTED, leading=1.15)
    for number, shown in enumerate(found.shown):
        top = _HEAD + number * (tile + _GAP + 18)
        sheet.text((8, top + tile / 2), wrap(shown.title, 13, side - 16, lines=4), 13, INK)
        tiles = (*shown.first.tiles, *shown.farthest.tiles)
        for left, png in zip(lefts, tiles, strict=True):
            place(sheet, png, (left, top), tile)
        for left, pair in ((lefts[0], shown.first), (lefts[3], shown.farthest)):
            words = heading(shown.one.cell, pair.row) or pair.row.id
            sheet.text((left, top + tile + 13), wrap(words, 10, 3 * tile, lines=1), 10, MUTED)
    return sheet.pixels()

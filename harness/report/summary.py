"""One 1600×900 picture for a chat: the answer, the chart and a strip of pictures for each task."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

from PIL import Image

from harness.report.answer import Answer
from harness.report.drawing import Drawing, balanced, wrap
from harness.report.inputs import Thing
from harness.report.pictures import ACCENT, INK, MUTED, Strip, put, strips_of
from harness.report.view import RunView
from harness.store.records import CellRecord

WIDTH, HEIGHT = 1600, 900
_SIDE, _FOOT = 56, 830
_CHART_WIDTH, _STRIP_LEFT = 900, 1016
_GAP, _LABEL, _GUTTER = 8, 26, 36
_ACROSS, _ACROSS_SEVERAL = (4,), (2, 3)  # pictures in a line: of one task, of several
_BESIDE_A_CHART = 2  # tasks


@dataclass(frozen=True)
class _Line:
    label: str
    colour: str
    tiles: tuple[Thing | bytes | None, ...]


@dataclass(frozen=True)
class _Fit:
    """A way to lay lines out: in columns, so many tiles across, of this side."""

    columns: list[list[_Line]]
    across: int
    tile: int


def draw_summary(view: RunView, said: Answer, chart: Image.Image | None) -> Image.Image:
    """The picture. Without a chart, or where more than two tasks want room, the pictures take its place."""
    sheet = Drawing(WIDTH, HEIGHT)
    top = _headline(sheet, view, said)
    charted = chart is not None and len(strips_of(view, 1)) <= _BESIDE_A_CHART
    if chart is not None and charted:
        _chart(sheet, chart, top)
    _strips(sheet, view, said, (_STRIP_LEFT if charted else _SIDE, top))
    done = f"{len(view.done)} of {len(view.cells)} cells done"
    foot = f"{view.run.run_id} · {view.pictures_a_cell} pictures a cell · {done}"
    sheet.text((_SIDE, HEIGHT - 30), [foot], 17, MUTED)
    return sheet.pixels()


def _headline(sheet: Drawing, view: RunView, said: Answer) -> int:
    """Question and answer; gives the line below them."""
    room = WIDTH - 2 * _SIDE
    sheet.text((_SIDE, 64), wrap(view.plan.question or view.run.name, 22, room, lines=1), 22, ACCENT)
    size = 30 if len(said.headline) < 220 else 25
    lines = balanced(said.headline, size, room, lines=5)
    sheet.text((_SIDE, 112), lines, size, INK, leading=1.32)
    return 112 + round(1.32 * size * len(lines))


def _chart(sheet: Drawing, chart: Image.Image, top: int) -> None:
    scale = min(_CHART_WIDTH / chart.width, (_FOOT - top) / chart.height)
    size = chart.width * scale, chart.height * scale
    sheet.picture((_SIDE, top + (_FOOT - top - size[1]) / 2), size, chart)


def _strips(sheet: Drawing, view: RunView, said: Answer, at: tuple[int, int]) -> None:
    """Lines of pictures, what they start from above them, in as many columns as make the pictures largest."""
    strips = strips_of(view, max(_ACROSS))
    if not strips:
        return
    blocks = [_lines(view, said, strip, alone=len(strips) == 1) for strip in strips]
    sizes = _ACROSS if len(strips) == 1 else _ACROSS_SEVERAL
    room = WIDTH - _SIDE - at[0], _FOOT - at[1]
    fits = (_fit(blocks, count, across, room) for count in range(1, len(blocks) + 1) for across in sizes)
    best = max(fits, key=lambda fit: fit.tile**2 * fit.across)
    wide = (room[0] - _GUTTER * (len(best.columns) - 1)) // len(best.columns)
    for number, lines in enumerate(best.columns):
        for down, line in enumerate(lines):
            place_ = at[0] + number * (wide + _GUTTER), at[1] + down * (best.tile + _LABEL + _GAP)
            _draw_line(sheet, view, line, place_, wide, best)


def _draw_line(sheet: Drawing, view: RunView, line: _Line, at: tuple[int, int], wide: int, fit: _Fit) -> None:
    """A label with its tiles below it."""
    sheet.text((at[0], at[1] + 17), wrap(line.label, 16, wide, lines=1), 16, line.colour)
    for column, what in enumerate(line.tiles[: fit.across]):
        put(sheet, view, what, (at[0] + column * (fit.tile + _GAP), at[1] + _LABEL), fit.tile)


def _lines(view: RunView, said: Answer, strip: Strip, *, alone: bool) -> list[_Line]:
    """A strip's inputs and its first cells: four if there is room, one where other tasks want some."""
    lines = [_Line(line.label, MUTED, line.things) for line in strip.inputs]
    for cell in _shown(view, said, strip)[: max(2, 4 - len(lines)) if alone else 1]:
        name = cell.label + (" (reference)" if cell.is_reference else "")
        colour = ACCENT if cell.cell_id in said.chosen else INK
        lines.append(_Line(name, colour, tuple(view.picture(cell, row) for row in strip.rows)))
    return lines


def _fit(blocks: list[list[_Line]], count: int, across: int, room: tuple[int, int]) -> _Fit:
    """Blocks laid out in ``count`` columns, none torn apart and in their order, tiles as large as the room allows."""
    columns = min((_cut(blocks, ends) for ends in combinations(range(1, len(blocks)), count - 1)), key=_longest)
    there = min(across, max(len(line.tiles) for lines in columns for line in lines))
    wide = (room[0] - _GUTTER * (count - 1)) // count
    tile = min((wide - _GAP * (there - 1)) // there, room[1] // _longest(columns) - _LABEL - _GAP)
    return _Fit(columns, there, max(tile, 0))


def _cut(blocks: list[list[_Line]], ends: tuple[int, ...]) -> list[list[_Line]]:
    """Columns that end before the blocks of these numbers, and the last."""
    borders = (0, *ends, len(blocks))
    return [[line for block in blocks[first:last] for line in block] for first, last in pairwise(borders)]


def _longest(columns: list[list[_Line]]) -> int:
    return max(len(lines) for lines in columns)


def _shown(view: RunView, said: Answer, strip: Strip) -> list[CellRecord]:
    """Cells with pictures: named ones, references, those with as many model calls as a named one, then the others."""
    calls = {view.model_calls(cell) for cell in strip.cells if cell.cell_id in said.about}

    def rank(cell: CellRecord) -> tuple[bool, bool, bool, int]:
        order = [known.cell_id for known in view.cells].index(cell.cell_id)
        return cell.cell_id not in said.about, not cell.is_reference, view.model_calls(cell) not in calls, order

    return sorted(strip.cells, key=rank)

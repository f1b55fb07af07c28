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
_WIDE, _NARROW = 4, 3  # pictures across: of one task, of several
_BESIDE_A_CHART = 2  # tasks


@dataclass(frozen=True)
class _Line:
    label: str
    colour: str
    tiles: tuple[Thing | bytes | None, ...]


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
    strips = strips_of(view, _WIDE if len(strips_of(view, 1)) == 1 else _NARROW)
    if not strips:
        return
    blocks = [_lines(view, said, strip, alone=len(strips) == 1) for strip in strips]
    room = WIDTH - _SIDE - at[0], _FOOT - at[1]
    columns, tile = max((_fit(blocks, count, room) for count in (1, 2, 3)), key=lambda found: found[1])
    wide = (room[0] - _GUTTER * (len(columns) - 1)) // len(columns)
    for number, lines in enumerate(columns):
        for down, line in enumerate(lines):
            place_ = at[0] + number * (wide + _GUTTER), at[1] + down * (tile + _LABEL + _GAP)
            _draw_line(sheet, view, line, place_, (wide, tile))


def _draw_line(sheet: Drawing, view: RunView, line: _Line, at: tuple[int, int], size: tuple[int, int]) -> None:
    """A label with its tiles below it; ``size`` is the line's width and a tile's side."""
    wide, tile = size
    sheet.text((at[0], at[1] + 17), wrap(line.label, 16, wide, lines=1), 16, line.colour)
    for column, what in enumerate(line.tiles):
        put(sheet, view, what, (at[0] + column * (tile + _GAP), at[1] + _LABEL), tile)


def _lines(view: RunView, said: Answer, strip: Strip, *, alone: bool) -> list[_Line]:
    """A strip's inputs and its first cells: four if there is room, one where other tasks want some."""
    title = f"{strip.title}: " if strip.title else ""
    lines = [_Line(title + line.label, MUTED, line.things) for line in strip.inputs]
    for cell in _shown(view, said, strip)[: max(2, 4 - len(lines)) if alone else 1]:
        name = cell.label + (" (reference)" if cell.is_reference else "")
        colour = ACCENT if cell.cell_id in said.chosen else INK
        lines.append(_Line(name, colour, tuple(view.picture(cell, row) for row in strip.rows)))
    return lines


def _fit(blocks: list[list[_Line]], count: int, room: tuple[int, int]) -> tuple[list[list[_Line]], int]:
    """Blocks laid out in ``count`` columns, none torn apart and in their order, and the side that tiles then have."""
    columns = min(
        (_cut(blocks, ends) for ends in combinations(range(1, len(blocks)), count - 1)), key=_longest, default=[]
    )
    if not columns:
        return [], 0
    across = max(len(line.tiles) for lines in columns for line in lines)
    wide = (room[0] - _GUTTER * (count - 1)) // count
    tile = min((wide - _GAP * (across - 1)) // across, room[1] // _longest(columns) - _LABEL - _GAP)
    return columns, tile


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

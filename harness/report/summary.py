"""One 1600×900 picture for a chat: the answer, the chart and a strip of pictures."""

from __future__ import annotations

from PIL import Image

from harness.report.answer import Answer
from harness.report.drawing import Drawing, balanced, wrap
from harness.report.pictures import ACCENT, INK, MUTED, first_rows, place
from harness.report.view import RunView
from harness.store.records import CellRecord

WIDTH, HEIGHT = 1600, 900
_SIDE, _FOOT = 56, 830
_CHART_WIDTH, _STRIP_LEFT = 900, 1016


def draw_summary(view: RunView, said: Answer, chart: Image.Image | None) -> Image.Image:
    """The picture. Without a chart the strip takes its place."""
    sheet = Drawing(WIDTH, HEIGHT)
    top = _headline(sheet, view, said)
    if chart is not None:
        _chart(sheet, chart, top)
    _strip(sheet, view, said, (_STRIP_LEFT if chart is not None else _SIDE, top))
    foot = (
        f"{view.run.run_id} · {len(view.plan.rows)} pictures a cell · {len(view.done)} of {len(view.cells)} cells done"
    )
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


def _strip(sheet: Drawing, view: RunView, said: Answer, at: tuple[int, int]) -> None:
    """Lines of pictures, a cell a line, the same prompts and seed across; as many as there is room for."""
    cells, rows, gap, label = _shown(view, said), first_rows(view)[:4], 8, 26
    if not cells:
        return
    lines = min(len(cells), 4)
    wide = (WIDTH - _SIDE - at[0] - gap * (len(rows) - 1)) // len(rows)
    tile = min(wide, (_FOOT - at[1]) // lines - label - gap)
    for line, cell in enumerate(cells[:lines]):
        top = at[1] + line * (tile + label + gap)
        name = cell.label + (" (reference)" if cell.is_reference else "")
        colour = ACCENT if cell.cell_id in said.chosen else INK
        sheet.text((at[0], top + 17), wrap(name, 16, WIDTH - _SIDE - at[0], lines=1), 16, colour)
        for column, row in enumerate(rows):
            place(sheet, view.picture(cell, row), (at[0] + column * (tile + gap), top + label), tile)


def _shown(view: RunView, said: Answer) -> list[CellRecord]:
    """Cells with pictures: named ones, references, those with as many model calls as a named one, then the others."""
    having = [cell for cell in view.cells if cell.batches]
    calls = {view.model_calls(cell) for cell in having if cell.cell_id in said.about}

    def rank(cell: CellRecord) -> tuple[bool, bool, bool]:
        return cell.cell_id not in said.about, not cell.is_reference, view.model_calls(cell) not in calls

    return sorted(having, key=rank)

"""The picture grid: which pictures are shown, by a rule that is printed with them, and how they are drawn."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from harness.plan.types import InputRow
from harness.report.drawing import Drawing, text_width, wrap
from harness.report.text import plural
from harness.report.view import RunView
from harness.store.records import CellRecord

MAX_CELLS = 24
_SMALL = 96  # pixels; a PNG of that side is smaller than the page's other parts
INK, MUTED, ACCENT, BLANK = "#1d232b", "#5b6673", "#0b63a5", "#e9edf1"


@dataclass(frozen=True)
class Grid:
    """Cells (down) by prompts (across), one seed; ``rule`` says how they were chosen."""

    cells: tuple[CellRecord, ...]
    rows: tuple[InputRow, ...]
    rule: str


def choose(view: RunView, prompts: int, cells: int = MAX_CELLS) -> Grid:
    """The first prompts with the plan's first seed, and every cell that has pictures, references first."""
    first = first_rows(view)
    rows = tuple(first[:prompts])
    having = sorted((cell for cell in view.cells if cell.batches), key=lambda cell: not cell.is_reference)
    shown = _evenly(having, cells)
    seeds = sorted({row.seed for row in rows})
    seed = f"seed {seeds[0]}" if len(seeds) == 1 else "each with its first seed"
    rule = f"The first {plural(len(rows), 'prompt')} of {len(first)}, {seed}; nothing was picked by its looks."
    if len(shown) < len(having):
        rule += f" {len(shown)} of {len(having)} cells, evenly spaced in the plan's order; references always."
    return Grid(tuple(shown), rows, rule)


def first_rows(view: RunView) -> list[InputRow]:
    """Each prompt's first row, in the plan's order."""
    first: dict[str, InputRow] = {}
    for row in view.plan.rows:
        first.setdefault(row.prompt_id, row)
    return list(first.values())


def _evenly(cells: list[CellRecord], limit: int) -> list[CellRecord]:
    if len(cells) <= limit:
        return cells
    references = [cell for cell in cells if cell.is_reference][:limit]
    others = [cell for cell in cells if cell not in references]
    room = max(limit - len(references), 0)
    kept = [others[i * len(others) // room] for i in range(room)]
    return [cell for cell in cells if cell in references or cell in kept]


def thumbnail(png: bytes, side: int) -> Image.Image:
    """A picture no larger than ``side`` pixels; small ones stay as they are."""
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB")
    if max(small.size) > side:
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def data_uri(png: bytes, side: int = 192) -> str:
    """A picture to put into a page: as it is when small, else a JPEG of at most ``side`` pixels."""
    image = thumbnail(png, side)
    if max(image.size) <= _SMALL:
        return f"data:image/png;base64,{base64.b64encode(png).decode()}"
    with io.BytesIO() as out:
        image.save(out, "JPEG", quality=86)
        return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def draw(view: RunView, grid: Grid, tile: int = 96) -> Image.Image:
    """The grid as one picture: a cell a line, its label on the left, the prompts above."""
    gap, head = 6, 62
    names = {cell.cell_id: cell.label + (" (reference)" if cell.is_reference else "") for cell in grid.cells}
    side = 24 + min(230, round(max(text_width(name, 14) for name in names.values())))
    sheet = Drawing(side + len(grid.rows) * (tile + gap) + gap, head + len(grid.cells) * (tile + gap))
    for column, row in enumerate(grid.rows):
        sheet.text((side + column * (tile + gap), 16), wrap(row.prompt, 11, tile, lines=4), 11, MUTED, leading=1.15)
    for line, cell in enumerate(grid.cells):
        top = head + line * (tile + gap)
        label = wrap(names[cell.cell_id], 14, side - 24, lines=4)
        sheet.text((10, top + tile / 2 + 5 - 9 * (len(label) - 1)), label, 14, INK)
        for column, row in enumerate(grid.rows):
            place(sheet, view.picture(cell, row), (side + column * (tile + gap), top), tile)
    return sheet.pixels()


def place(sheet: Drawing, png: bytes | None, at: tuple[int, int], tile: int) -> None:
    """Put a picture into a square tile, enlarged or reduced to it; a missing one is a blank square."""
    sheet.square(at, tile, BLANK)
    if png is None:
        sheet.middle((at[0] + tile / 2, at[1] + tile / 2), "missing", 12, MUTED)
        return
    small = thumbnail(png, tile)
    scale = tile / max(small.size)
    size = round(small.width * scale), round(small.height * scale)
    middle = at[0] + (tile - size[0]) / 2, at[1] + (tile - size[1]) / 2
    sheet.picture(middle, size, small.resize(size, Image.Resampling.LANCZOS))

"""The picture grid: which pictures are shown, by a rule that is printed with them, and how they are drawn."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from harness.plan.needs import used
from harness.plan.types import InputRow
from harness.report.drawing import Drawing, text_width, wrap
from harness.report.inputs import InputLine, Thing, heading, input_lines
from harness.report.text import plural
from harness.report.view import RunView
from harness.store.records import CellRecord

MAX_CELLS = 24
_SMALL = 96  # pixels; a PNG of that side is smaller than the page's other parts
_GAP, _HEAD, _TITLE = 6, 62, 34  # pixels
INK, MUTED, ACCENT, BLANK = "#1d232b", "#5b6673", "#0b63a5", "#e9edf1"


@dataclass(frozen=True)
class Strip:
    """The cells of one task (down) by prompts (across), one seed. ``title`` is empty where there is one strip only."""

    title: str
    cells: tuple[CellRecord, ...]
    rows: tuple[InputRow, ...]
    rule: str  # which rows these are: "the first 8 prompts of 12, seed 3"

    @property
    def inputs(self) -> tuple[InputLine, ...]:
        """What the pictures start from, for the same rows."""
        return input_lines(self.cells, self.rows)

    @property
    def headings(self) -> tuple[str, ...]:
        """What stands over each column."""
        return tuple(heading(self.cells[0], row) for row in self.rows)


@dataclass(frozen=True)
class Grid:
    """A strip for each task; ``rule`` says how cells and rows were chosen."""

    strips: tuple[Strip, ...]
    rule: str


def choose(view: RunView, prompts: int, cells: int = MAX_CELLS) -> Grid:
    """The first prompts with the plan's first seed, and every cell that has pictures, references first.

    Args:
        view: the run.
        prompts: columns of a strip.
        cells: lines of cells, shared out among the strips; each has one at least.
    """
    whole = strips_of(view, prompts)
    shares = _shares([len(strip.cells) for strip in whole], cells)
    shown = [replace(strip, cells=_evenly(strip.cells, share)) for strip, share in zip(whole, shares, strict=True)]
    rule = f"{_rows_rule(shown)}; nothing was picked by its looks."
    having = sum(len(strip.cells) for strip in whole)
    if sum(shares) < having:
        rule += f" {sum(shares)} of {having} cells, evenly spaced in the plan's order; references always."
    return Grid(tuple(shown), rule)


def strips_of(view: RunView, prompts: int) -> list[Strip]:
    """A strip for each task, or each form of its API where the forms have rows of their own, with all its cells."""
    blocks: dict[tuple[str, ...], list[CellRecord]] = {}
    for cell in view.cells:
        if cell.batches:
            blocks.setdefault((cell.settings.task, *(row.id for row in view.rows_of(cell))), []).append(cell)
    tasks = [block[0].settings.task for block in blocks.values()]
    found = []
    for block in blocks.values():
        task, api = block[0].settings.task, block[0].settings.api
        title = f"{task}, {api}" if tasks.count(task) > 1 else task
        found.append(_strip(view, title if len(blocks) > 1 else "", block, prompts))
    return found


def _strip(view: RunView, title: str, cells: list[CellRecord], prompts: int) -> Strip:
    first = first_rows(view, cells[0])
    rows = tuple(first[:prompts])
    noun = "prompt" if len({row.prompt_id for row in first}) == len(first) else "input"
    seeds = sorted({row.seed for row in rows})
    seed = f"seed {seeds[0]}" if len(seeds) == 1 else "each with its first seed"
    ordered = sorted(cells, key=lambda cell: not cell.is_reference)
    return Strip(title, tuple(ordered), rows, f"the first {plural(len(rows), noun)} of {len(first)}, {seed}")


def _rows_rule(strips: Sequence[Strip]) -> str:
    """One rule where all strips have the same, else each with its title."""
    rules = dict.fromkeys(strip.rule for strip in strips)
    rule = next(iter(rules), "")
    return "; ".join(f"{s.title}: {s.rule}" for s in strips) if len(rules) > 1 else rule[:1].upper() + rule[1:]


def first_rows(view: RunView, cell: CellRecord) -> list[InputRow]:
    """The first row of each prompt with what it starts from, in the plan's order: all but the other seeds."""
    first: dict[str, InputRow] = {}
    for row in view.rows_of(cell):
        looked_at = {**used(row, cell.settings.task, cell.settings.weights), "seed": None}
        first.setdefault(json.dumps([row.prompt_id, looked_at], sort_keys=True), row)
    return list(first.values())


def _shares(counts: list[int], limit: int) -> list[int]:
    """A line for each strip in turn, until the limit is reached or all have theirs."""
    shares = [min(count, 1) for count in counts]
    while sum(shares) < min(limit, sum(counts)):
        open_ = [at for at, count in enumerate(counts) if shares[at] < count]
        for at in open_[: limit - sum(shares)]:
            shares[at] += 1
    return shares


def _evenly(cells: Sequence[CellRecord], limit: int) -> tuple[CellRecord, ...]:
    if len(cells) <= limit:
        return tuple(cells)
    references = [cell for cell in cells if cell.is_reference][:limit]
    others = [cell for cell in cells if cell not in references]
    room = max(limit - len(references), 0)
    kept = [others[i * len(others) // room] for i in range(room)]
    return tuple(cell for cell in cells if cell in references or cell in kept)


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
    """The grid as one picture: a cell a line, its label on the left, the prompts above, then what they start from."""
    labels = [label for strip in grid.strips for label, _ in _labels(strip)]
    side = 24 + min(230, round(max(text_width(label, 14) for label in labels)))
    columns = max(len(strip.rows) for strip in grid.strips)
    height = sum(_height(strip, tile) for strip in grid.strips)
    sheet, top = Drawing(side + columns * (tile + _GAP) + _GAP, height), 0
    for strip in grid.strips:
        _draw_strip(sheet, view, strip, (side, top), tile)
        top += _height(strip, tile)
    return sheet.pixels()


def _labels(strip: Strip) -> list[tuple[str, str]]:
    """The label of each line with its colour, inputs first."""
    inputs = [(line.label, MUTED) for line in strip.inputs]
    return inputs + [(cell.label + (" (reference)" if cell.is_reference else ""), INK) for cell in strip.cells]


def _height(strip: Strip, tile: int) -> int:
    return _HEAD + (_TITLE if strip.title else 0) + len(_labels(strip)) * (tile + _GAP)


def _draw_strip(sheet: Drawing, view: RunView, strip: Strip, at: tuple[int, int], tile: int) -> None:
    """One strip; ``at`` is its top, where the pictures begin on the left."""
    side, top = at[0], at[1] + (_TITLE if strip.title else 0)
    if strip.title:
        sheet.text((10, at[1] + 24), [strip.title], 17, ACCENT)
    for column, text in enumerate(strip.headings):
        sheet.text((side + column * (tile + _GAP), top + 16), wrap(text, 11, tile, lines=4), 11, MUTED, leading=1.15)
    lines = [line.things for line in strip.inputs] + [_pictures(view, cell, strip.rows) for cell in strip.cells]
    for number, ((label, colour), tiles) in enumerate(zip(_labels(strip), lines, strict=True)):
        down = top + _HEAD + number * (tile + _GAP)
        words = wrap(label, 14, side - 24, lines=4)
        sheet.text((10, down + tile / 2 + 5 - 9 * (len(words) - 1)), words, 14, colour)
        for column, what in enumerate(tiles):
            put(sheet, view, what, (side + column * (tile + _GAP), down), tile)


def _pictures(view: RunView, cell: CellRecord, rows: Sequence[InputRow]) -> tuple[bytes | None, ...]:
    return tuple(view.picture(cell, row) for row in rows)


def put(sheet: Drawing, view: RunView, what: Thing | bytes | None, at: tuple[int, int], tile: int) -> None:
    """Put a picture, or what pictures start from, into a square tile: a text is written, nothing leaves it white."""
    if not isinstance(what, Thing):
        place(sheet, what, at, tile)
    elif what.is_picture:
        place(sheet, what.png(view), at, tile)
    elif what.text:
        size = max(8, min(14, tile // 8))
        sheet.square(at, tile, BLANK)
        lines = wrap(what.text, size, tile - 8, lines=int((tile - 6) / (1.2 * size)))
        sheet.text((at[0] + 4, at[1] + 4 + size), lines, size, INK, leading=1.2)


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

"""Strips: one prompt and seed, steps across, schedulers down; one strip for each ground."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from harness.plan.types import InputRow
from harness.report.drawing import Drawing, wrap
from harness.report.inputs import heading, input_lines
from harness.report.pictures import ACCENT, INK, MUTED, place, put
from harness.report.schedulers.advice import Advice
from harness.report.schedulers.chosen_row import ChosenRow, choose_row
from harness.report.schedulers.sweep import Ground, Point, Sweep
from harness.report.tiles import Tile, TileBlock, TileLine, input_line, picture_tile
from harness.report.view import RunView

_GAP, _SIDE, _TITLE, _HEAD = 6, 190, 74, 26  # pixels


@dataclass(frozen=True)
class StepStrip:
    """A ground's pictures of one row: for each scheduler a point or ``None`` at every count of steps."""

    title: str
    ground: Ground
    chosen: ChosenRow
    steps: tuple[int, ...]
    lines: tuple[tuple[str, tuple[Point | None, ...]], ...]

    @property
    def row(self) -> InputRow:
        """Whose pictures these are."""
        return self.chosen.row

    @property
    def note(self) -> str:
        """Prompt, seed and the rule, to stand over the pictures."""
        prompt = heading(self.ground.points[0].cell, self.row) or self.row.id
        return f"“{prompt}”, seed {self.row.seed}: {self.chosen.rule}."


def strips(sweep: Sweep) -> tuple[StepStrip, ...]:
    """A strip for each ground that has pictures; grounds of the same model and task show the same row."""
    rows: dict[tuple[str, str], ChosenRow | None] = {}
    found = []
    for ground in sweep.grounds:
        if not any(point.cell.batches for point in ground.points):
            continue
        key = (ground.model, ground.points[0].cell.settings.task)
        if key not in rows:
            rows[key] = choose_row(sweep, [g for g in sweep.grounds if _key(g) == key])
        chosen = rows[key]
        if chosen is not None:
            found.append(_strip(sweep, ground, chosen))
    return tuple(found)


def _key(ground: Ground) -> tuple[str, str]:
    return ground.model, ground.points[0].cell.settings.task


def _strip(sweep: Sweep, ground: Ground, chosen: ChosenRow) -> StepStrip:
    lines = []
    for line in ground.lines:
        there = {point.steps: point for point in line.points}
        lines.append((line.scheduler, tuple(there.get(steps) for steps in ground.steps)))
    return StepStrip(sweep.name_of(ground), ground, chosen, ground.steps, tuple(lines))


def strip_block(view: RunView, strip: StepStrip, advice: Advice) -> TileBlock:
    """A strip as the page shows it."""
    lines = [_tile_line(view, strip, name, points, advice) for name, points in strip.lines]
    starts = input_lines([strip.ground.points[0].cell], [strip.row])
    inputs = [input_line(view, line) for line in starts]
    return TileBlock(strip.title, tuple(f"{steps} steps" for steps in strip.steps), (*inputs, *lines), strip.note)


def _tile_line(
    view: RunView, strip: StepStrip, name: str, points: tuple[Point | None, ...], advice: Advice
) -> TileLine:
    starred = {point.cell.cell_id for point in advice.tied}
    has_reference = any(point.standing == "reference" for point in points if point)
    tiles = tuple(picture_tile(view, point.cell, strip.row) if point else Tile() for point in points)
    return TileLine(name, tiles, has_reference, any(p.cell.cell_id in starred for p in points if p))


def draw_strips(view: RunView, found: tuple[StepStrip, ...], tile: int = 96) -> Image.Image:
    """All strips below each other as one picture."""
    columns = max(len(strip.steps) for strip in found)
    heights = [_height(strip, tile) for strip in found]
    width = max(_SIDE + columns * (tile + _GAP) + _GAP, 760)
    sheet, top = Drawing(width, sum(heights)), 0
    for strip, height in zip(found, heights, strict=True):
        _draw(sheet, view, strip, top, tile)
        top += height
    return sheet.pixels()


def _height(strip: StepStrip, tile: int) -> int:
    starts = input_lines([strip.ground.points[0].cell], [strip.row])
    return _TITLE + _HEAD + (len(strip.lines) + len(starts)) * (tile + _GAP) + 14


def _draw(sheet: Drawing, view: RunView, strip: StepStrip, top: int, tile: int) -> None:
    sheet.text((10, top + 24), [strip.title or strip.ground.model], 17, ACCENT)
    sheet.text((10, top + 44), wrap(strip.note, 12, sheet.width - 20, lines=2), 12, MUTED)
    for column, steps in enumerate(strip.steps):
        sheet.text((_SIDE + column * (tile + _GAP), top + _TITLE + 18), [f"{steps} steps"], 13, INK)
    down = top + _TITLE + _HEAD
    for line in input_lines([strip.ground.points[0].cell], [strip.row]):
        _label(sheet, line.label, down, tile, MUTED)
        put(sheet, view, line.things[0], (_SIDE, down), tile)
        down += tile + _GAP
    for name, points in strip.lines:
        _label(sheet, name, down, tile, INK)
        for column, point in enumerate(points):
            if point is not None:
                place(sheet, view.picture(point.cell, strip.row), (_SIDE + column * (tile + _GAP), down), tile)
        down += tile + _GAP


def _label(sheet: Drawing, text: str, top: int, tile: int, colour: str) -> None:
    words = wrap(text, 14, _SIDE - 24, lines=3)
    sheet.text((10, top + tile / 2 + 5 - 9 * (len(words) - 1)), words, 14, colour)

"""The pictures at the right of the one picture: a ground's cells of one step count beside the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.drawing import Drawing, text_width, wrap
from harness.report.inputs import heading
from harness.report.pictures import INK, MUTED, place
from harness.report.schedulers.advice import Advice, ModelAdvice
from harness.report.schedulers.look import colour_of
from harness.report.schedulers.strips import StepStrip
from harness.report.schedulers.sweep import Point, Sweep
from harness.report.text import VERDICT_MARKS, listing
from harness.report.view import comparison_of

Box = tuple[int, int, int, int]  # left, top, right, bottom; pixels
_MOST_TILES = 9
_NAME, _TEXT, _GAP = 13, 15, 12
_TIGHT = 1.08  # letters are narrower than reckoned, on the average by an eighth
_ROOM = 432  # pixels across, which the text is broken for


@dataclass(frozen=True)
class Beside:
    """The points whose pictures are shown, the reference first, and those for which there is no room."""

    strip: StepStrip
    points: tuple[Point, ...]
    left_out: tuple[Point, ...]


def pictures_beside(sweep: Sweep, advised: ModelAdvice, strips: Sequence[StepStrip]) -> Beside | None:
    """The cells at the step count of the first recommendation, else at the middle count, and the reference."""
    mine = [strip for strip in strips if strip.ground.model == advised.model]
    if not mine:
        return None
    advice = next((a for a in advised.grounds if a.chosen), advised.grounds[0])
    strip = next((strip for strip in mine if strip.ground is advice.ground), mine[0])
    counts = sorted({p.steps for p in strip.ground.points if p.standing != "reference"}) or list(strip.steps)
    steps = advice.chosen.steps if advice.chosen and strip.ground is advice.ground else counts[len(counts) // 2]
    having = [p for p in strip.ground.points if p.cell.batches]
    references = [advice.reference] if advice.reference else [p for p in having if p.standing == "reference"][:1]
    others = [p for p in having if p.steps == steps and p not in references]
    shown = _first(others, advice, _MOST_TILES - len(references))
    return Beside(strip, (*references, *shown), tuple(p for p in others if p not in shown))


def _first(others: list[Point], advice: Advice, room: int) -> list[Point]:
    """The recommended and then the plan's first, in the plan's order."""
    ranked = sorted(others, key=lambda point: point not in advice.tied)[:room]
    return [point for point in others if point in ranked]


def draw_beside(sheet: Drawing, sweep: Sweep, beside: Beside, box: Box) -> None:
    """Draw them into a box: as large as there is room for, names above, whose they are below."""
    left, top, right, bottom = box
    columns = 2 if len(beside.points) <= 4 else 3
    lines = -(-len(beside.points) // columns)
    words = words_beside(beside, sweep.main_metric(beside.strip.ground))
    pitch = (right - left + _GAP) // columns
    head = 2 * _NAME + 14
    high = bottom - top - round(1.3 * _TEXT) * len(words) - 10
    tile = min(pitch - _GAP, high // lines - head - _GAP)
    for number, point in enumerate(beside.points):
        at = (left + number % columns * pitch, top + number // columns * (tile + head + _GAP))
        colour = INK if point.standing == "reference" else colour_of(sweep, point.cell.settings.scheduler.label)
        name, steps = _name(point, sweep.main_metric(beside.strip.ground))
        sheet.text((at[0], at[1] + _NAME + 2), names_over(name, steps, pitch - _GAP / 2), _NAME, colour, leading=1.25)
        place(sheet, sweep.view.picture(point.cell, beside.strip.row), (at[0], at[1] + head), tile)
    sheet.text((left, top + lines * (tile + head + _GAP) + _TEXT), words, _TEXT, MUTED)


def names_over(name: str, steps: str, width: float) -> list[str]:
    """Two lines: the scheduler, and what it is configured with before its steps; cut where there is no room."""
    scheduler, _, config = name.partition("(")
    second = _cut(f"({config}", width / _TIGHT - text_width(f"  {steps}", _NAME)) if config else ""
    return [_cut(scheduler, width), f"{second} {steps}".strip()]


def _cut(text: str, width: float) -> str:
    """A text without its end, if need be."""
    if text_width(text, _NAME) <= _TIGHT * width:
        return text
    while text and text_width(f"{text}…", _NAME) > _TIGHT * width:
        text = text[:-1]
    return f"{text}…"


def _name(point: Point, metric: str) -> tuple[str, str]:
    """The scheduler, and its steps with the verdict's mark."""
    label = point.cell.settings.scheduler.label
    if point.standing == "reference":
        return label, f"{point.steps} (reference)"
    judged = comparison_of(point.cell, metric)
    return label, f"{point.steps} {VERDICT_MARKS[judged.verdict]}" if judged else str(point.steps)


def _marks(beside: Beside, metric: str) -> str:
    """What the marks after the steps mean, of those that stand there."""
    judged = [comparison_of(point.cell, metric) for point in beside.points if point.standing != "reference"]
    return ", ".join(dict.fromkeys(f"{VERDICT_MARKS[one.verdict]} {one.verdict}" for one in judged if one))


def words_beside(beside: Beside, metric: str) -> list[str]:
    """Whose pictures these are, by what rule, and whose have no room."""
    strip = beside.strip
    prompt = heading(strip.ground.points[0].cell, strip.row) or strip.row.id
    where = f"{strip.ground.title}: " if strip.ground.title else ""
    names = [point.cell.settings.scheduler.label for point in beside.left_out]
    more = f" Left out: {listing(names, 4)}." if names else ""
    marks = f" {told}." if (told := _marks(beside, metric)) else ""
    text = f"{where}“{prompt}”, seed {strip.row.seed}.{more}{marks} Chosen by rule: {strip.chosen.rule}."
    return wrap(text, _TEXT, _ROOM, lines=9)

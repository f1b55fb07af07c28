"""The one picture, 1600×900, of one model: the verdict, a panel for each ground, and pictures beside the reference."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from harness.catalog.metrics import METRICS
from harness.report.charts import Chart, finish
from harness.report.drawing import Drawing, balanced, text_width, wrap
from harness.report.pictures import ACCENT, INK, MUTED
from harness.report.schedulers.advice import Advice, ModelAdvice
from harness.report.schedulers.beside import draw_beside, pictures_beside
from harness.report.schedulers.content import drift_words
from harness.report.schedulers.facts import footer
from harness.report.schedulers.look import CROSS, STAR, Panel, colour_of, cost_of_panel, dash_of
from harness.report.schedulers.panels import any_bends, difference_panel
from harness.report.schedulers.strips import StepStrip
from harness.report.schedulers.sweep import Ground, Sweep
from harness.report.text import listing, metric_words

WIDTH, HEIGHT = 1600, 900
MOST_PANELS = 4
_SIDE, _CHART, _PICTURES, _FOOT = 48, 1040, 1120, 826
_SCALE = 1.6  # of the charts: their letters of 12 become 19
_CIRCLE = "M1,0A1,1 0 1,1 -1,0A1,1 0 1,1 1,0"
_SQUARE = "M-0.8,-0.8L0.8,-0.8L0.8,0.8L-0.8,0.8Z"
_DIAMOND = "M0,-1L0.8,0L0,1L-0.8,0Z"
_CHANNELS = ("color", "stroke", "strokeDash")
Symbol = tuple[str, str, float, str]  # path, fill, width of its line, words
_SYMBOLS: tuple[Symbol, ...] = (
    (_CIRCLE, INK, 0.0, "equivalent or improved"),
    (_CIRCLE, "#ffffff", 2.6, "inconclusive"),
    (CROSS, "none", 3.0, "regressed"),
    (STAR, INK, 0.0, "holds with fewest calls"),
    (_DIAMOND, INK, 0.0, "reference"),
)
_UNJUDGED: Symbol = (_SQUARE, "#ffffff", 2.0, "not judged")


def draw_summary(sweep: Sweep, advised: ModelAdvice, strips: Sequence[StepStrip]) -> Image.Image:
    """The picture of one model."""
    sheet = Drawing(WIDTH, HEIGHT)
    shown = advised.grounds[:MOST_PANELS]
    top = _headline(sheet, sweep, advised)
    _panels(sheet, sweep, shown, _legend(sheet, sweep, (_SIDE, top)))
    beside = pictures_beside(sweep, advised, strips)
    if beside is not None:
        draw_beside(sheet, sweep, beside, (_PICTURES, top - 6, WIDTH - _SIDE, _FOOT))
    left_out = [advice.ground.title for advice in advised.grounds[MOST_PANELS:]]
    lines = footer(sweep, advised.model, left_out)
    sheet.text(
        (_SIDE, HEIGHT - 18 * len(lines) - 2), [line for text in lines for line in wrap(text, 14, 1504, 1)], 14, MUTED
    )
    return sheet.pixels()


def _headline(sheet: Drawing, sweep: Sweep, advised: ModelAdvice) -> int:
    """Question and verdict; gives the line below them."""
    view, room = sweep.view, WIDTH - 2 * _SIDE
    asked = view.plan.question or view.run.name
    text = f"{view.unfinished} {asked}" if view.unfinished else asked
    sheet.text((_SIDE, 50), wrap(text, 20, room, lines=1), 20, ACCENT)
    size = 33 if len(advised.headline) < 130 else 28
    lines = balanced(advised.headline, size, room, lines=3)
    sheet.text((_SIDE, 96), lines, size, INK, leading=1.25)
    return 96 + round(1.25 * size * (len(lines) - 1)) + 40


def _legend(sheet: Drawing, sweep: Sweep, at: tuple[int, int]) -> int:
    """Colours and dashes of the schedulers, then the marks; gives the line below them."""
    down, left = at[1], float(at[0])
    for name in sweep.schedulers:
        width = text_width(name, 18) + 62
        if left + width > _SIDE + _CHART:
            down, left = down + 27, float(at[0])
        sheet.line((left, down - 6), (left + 38, down - 6), colour_of(sweep, name), 4, dash_of(sweep, name))
        sheet.text((left + 46, down), [name], 18, INK)
        left += width + 10
    left, down = float(at[0]), down + 30
    for path, fill, line, words in symbols(sweep):
        sheet.mark((left + 9, down - 6), 11 if path == STAR else 8, path, fill, INK, line)
        sheet.text((left + 26, down), [words], 17, INK)
        left += text_width(words, 17) + 44
    return down + 22


def symbols(sweep: Sweep) -> tuple[Symbol, ...]:
    """The marks of the legend: that of what is not judged only where there is any."""
    points = (point for ground in sweep.grounds for point in ground.points)
    return (*_SYMBOLS, _UNJUDGED) if any(point.standing == "not judged" for point in points) else _SYMBOLS


def _panels(sheet: Drawing, sweep: Sweep, shown: Sequence[Advice], top: int) -> None:
    """One panel, two side by side, or two lines of two; each as large as there is room for."""
    columns, lines = (1, 1) if len(shown) == 1 else (2, 1) if len(shown) == 2 else (2, 2)
    caption = panel_caption(sweep, shown)
    words = wrap(caption, 17, _CHART - 10, lines=3)
    foot = _FOOT - 22 * len(words) - 6
    wide, high = _CHART / columns / _SCALE - 78, (foot - top) / lines / _SCALE - 84
    for number, advice in enumerate(shown):
        panel = panel_of(sweep, advice, (round(wide), round(high)))
        at = (_SIDE + number % columns * _CHART / columns, top + number // columns * (foot - top) / lines)
        if panel is None:
            empty = ": ".join(filter(None, (advice.ground.title, why_empty(sweep, advice.ground))))
            sheet.text((at[0], at[1] + 40), wrap(empty, 18, _CHART / columns - 20, lines=3), 18, MUTED)
            continue
        image = Image.open(io.BytesIO(_still(panel).png(_SCALE))).convert("RGBA")
        scale = min(1.0, _CHART / columns / image.width, (foot - top) / lines / image.height)
        sheet.picture(at, (image.width * scale, image.height * scale), image)
    sheet.text((_SIDE, foot + 20), words, 17, MUTED)


def panel_of(sweep: Sweep, advised: Advice, size: tuple[int, int]) -> Panel | None:
    """A ground's panel, of its own task's metric; ``None`` where nothing on it has a difference."""
    return difference_panel(sweep, advised, sweep.main_metric(advised.ground), size, short=True)


def why_empty(sweep: Sweep, ground: Ground) -> str:
    """Why a ground has no panel."""
    task = ground.points[0].cell.settings.task
    if not any(task in METRICS[metric].tasks for metric in sweep.metrics):
        verb = "is" if len(sweep.metrics) == 1 else "are"
        return f"{listing([metric_words(name) for name in sweep.metrics])} {verb} not measured for this task"
    waiting = any(point.standing in ("pending", "not judged") for point in ground.points)
    return "nothing to compare yet" if waiting else "nothing could be compared"


def _still(panel: Panel) -> Chart:
    return Chart("panel", "", "", _without_legends(finish(panel)))


def _without_legends(spec: Any) -> Any:
    """A specification whose encodings have no legends: the picture draws one for all panels."""
    if isinstance(spec, dict):
        whole = {key: _without_legends(value) for key, value in spec.items()}
        mapped = {k for k, v in whole.items() if k in _CHANNELS and isinstance(v, dict) and "field" in v}
        return {key: {**value, "legend": None} if key in mapped else value for key, value in whole.items()}
    return [_without_legends(item) for item in spec] if isinstance(spec, list) else spec


def panel_caption(sweep: Sweep, shown: Sequence[Advice]) -> str:
    """What the panels show."""
    costs = {cost_of_panel(advice.ground) for advice in shown}
    across = "Across: measured seconds for each image" if costs == {"seconds"} else "Across: model calls for each image"
    if "seconds" in costs and (drifted := drift_words(sweep)):
        across += f" ({drifted})"
    if "model_calls" in costs:
        across += " (nothing was timed)" if len(costs) == 1 else " where nothing was timed"
    metrics = listing([metric_words(name) for name in sweep.metrics])
    bent = any(any_bends(sweep, [advice.ground], sweep.main_metric(advice.ground)) for advice in shown)
    scale = ", the scale logarithmic beyond it" if bent else ""
    return (
        f"Up: {_upwards(sweep, shown)} minus the reference's, paired by prompt and seed, with 95 % intervals; "
        f"band: the margin{scale}; figures: steps. {across}. Marks: verdicts over {metrics}."
    )


def _upwards(sweep: Sweep, shown: Sequence[Advice]) -> str:
    """The panels' metric; with its panels where they have not all the same."""
    panels: dict[str, list[str]] = {}
    for advice in shown:
        panels.setdefault(metric_words(sweep.main_metric(advice.ground)), []).append(advice.ground.title)
    if len(panels) == 1:
        return next(iter(panels))
    return " or ".join(f"{words} ({listing(titles)})" for words, titles in panels.items())

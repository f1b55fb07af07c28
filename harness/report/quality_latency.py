"""The chart of quality against what it costs."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import pandas as pd

from harness.report.charts import SERIES_COLOURS, Chart, finish
from harness.report.labels import Frame, place_labels
from harness.report.sentences import bounds_text, value_text
from harness.report.table import verdict_of
from harness.report.text import knob_text, metric_words, seconds
from harness.report.view import RunView, own_knobs, score_of
from harness.store.records import CellRecord

COST_TITLES = {"latency": "latency, seconds per image", "model calls": "decoder model calls per image"}
_ALONG = (
    "num_inference_steps",
    "guidance_scale",
    "strength",
    "prior_strength",
)  # knobs that a line runs along, the first one swept
_SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left"]


def quality_latency(view: RunView, metric: str, width: int = 920, height: int = 420) -> Chart | None:
    """A quality metric against what it costs; ``None`` without points.

    Cost is latency; model calls where nothing was timed; and where all cells cost the same, the swept knob takes the
    place of cost.
    """
    cost = _cost_axis(view)
    points = [point for cell in view.done if (point := _point(view, cell, metric, cost)) is not None]
    if not points:
        return None
    data = pd.DataFrame(points)
    frame = _frame(data, width, height)
    data = data.assign(**place_labels(points, frame))
    score = next(s for cell in view.done for s in cell.scores if s.metric == metric and s.value is not None)
    layers = _layers(data, frame, COST_TITLES.get(cost, cost), f"{metric_words(metric)} ({score.direction} is better)")
    chart = alt.layer(*layers).properties(width=width, height=height)
    title = f"{metric_words(metric)} against {cost.replace('_', ' ')}"
    return Chart(f"quality-latency-{metric}", title, _caption(view, cost, score.direction), finish(chart))


def _cost_axis(view: RunView) -> str:
    """ "latency", "model calls", or the swept knob when it alone moves and costs nothing."""
    times = [cell.timing.latency_s for cell in view.done if cell.timing]
    costs = times or [float(view.model_calls(cell)) for cell in view.done]
    along = _along(view)
    if along and along != "num_inference_steps" and max(costs, default=1.0) < 1.5 * min(costs, default=1.0):
        return along
    return "latency" if times else "model calls"


def _point(view: RunView, cell: CellRecord, metric: str, cost: str) -> dict[str, Any] | None:
    score, place = score_of(cell, metric), _cost(view, cell, cost)
    if score is None or score.value is None or place is None:
        return None
    x, x_low, x_high = place
    y_low, y_high = (score.interval.low, score.interval.high) if score.interval else (score.value, score.value)
    return {
        "x": x, "x_low": x_low, "x_high": x_high, "y": score.value, "y_low": y_low, "y_high": y_high,
        "series": _series(view, cell), "text": _point_text(view, cell), "order": _order(view, cell),
        "cell": cell.label, "reference": cell.is_reference, "verdict": verdict_of(view, cell, metric),
        "value": f"{value_text(score)} ({bounds_text(score)})",
        "cost": seconds(cell.timing.latency_s) if cell.timing else f"{view.model_calls(cell)} model calls",
        "images": score.n, "prompts": score.n_prompts,
    }  # fmt: skip


def _cost(view: RunView, cell: CellRecord, cost: str) -> tuple[float, float, float] | None:
    """Where a cell stands on the axis of cost, and the ends of its interval there."""
    if cost == "model calls":
        return (float(view.model_calls(cell)),) * 3
    if cost != "latency":
        value = own_knobs(cell).get(cost)
        return (float(value),) * 3 if isinstance(value, int | float) else None
    if cell.timing is None:
        return None
    bounds, x = cell.timing.latency_interval, cell.timing.latency_s
    return (x, bounds.low, bounds.high) if bounds else (x, x, x)


def _along(view: RunView) -> str | None:
    """The swept knob that a line runs along."""
    return next((knob for knob in _ALONG if any(knob in cell.swept for cell in view.cells)), None)


def _series(view: RunView, cell: CellRecord) -> str:
    along = _along(view)
    rest = [knob_text(knob, value) for knob, value in own_knobs(cell).items() if knob != along]
    return " · ".join(rest) or cell.settings.scheduler.label


def _point_text(view: RunView, cell: CellRecord) -> str:
    along = _along(view)
    return str(own_knobs(cell).get(along, "")) if along else ""


def _order(view: RunView, cell: CellRecord) -> float:
    value = cell.swept.get(_along(view) or "", 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _frame(data: pd.DataFrame, width: int, height: int) -> Frame:
    """The scales, fixed here so that labels can be placed: logarithmic where numbers span more than a factor of 4."""
    return Frame.around(
        list(data["x_low"]), list(data["x_high"]), list(data["y_low"]), list(data["y_high"]), width, height
    )


def _layers(data: pd.DataFrame, frame: Frame, x_title: str, y_title: str) -> list[alt.Chart]:
    names = list(dict.fromkeys(data["series"]))
    pick = alt.selection_point(fields=["series"], bind="legend", name="pick")
    colour = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=_cycle(SERIES_COLOURS, len(names))))
    shape = alt.Shape("series:N", title=None, scale=alt.Scale(domain=names, range=_cycle(_SHAPES, len(names))))
    x = alt.X("x:Q", title=x_title, **ends_of(frame.x_log, frame.x_domain))
    y = alt.Y("y:Q", title=y_title, **ends_of(frame.y_log, frame.y_domain))
    base = alt.Chart(data).encode(color=colour, opacity=alt.condition(pick, alt.value(0.95), alt.value(0.1)))
    line = base.mark_line(strokeWidth=1.5, strokeDash=[2, 3]).encode(x=x, y=y, order="order:Q", detail="series:N")
    bars_y = base.mark_rule(strokeWidth=1.8).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q")
    bars_x = base.mark_rule(strokeWidth=1.8).encode(y=y, x=alt.X("x_low:Q"), x2="x_high:Q")
    dots = base.mark_point(filled=True, size=85, stroke="white", strokeWidth=0.8)
    dots = dots.encode(x=x, y=y, shape=shape, tooltip=_tips()).add_params(pick)
    ring = base.transform_filter("datum.reference").mark_point(size=300, strokeWidth=1.8, filled=False).encode(x=x, y=y)
    text = base.mark_text(fontSize=12, fontWeight="bold").encode(x="label_x:Q", y="label_y:Q", text="text:N")
    return [line, bars_y, bars_x, ring, dots, text]


def _cycle(values: list[str], count: int) -> list[str]:
    return [values[i % len(values)] for i in range(count)]


def _tips() -> list[alt.Tooltip]:
    named = {"cell": "cell", "value": "quality", "cost": "cost of an image", "verdict": "verdict"}
    return [
        alt.Tooltip(f"{key}:N", title=title)
        for key, title in {**named, "images": "images", "prompts": "prompts"}.items()
    ]


def ends_of(log: bool, domain: tuple[float, float]) -> dict[str, Any]:
    """A channel's scale, its ends fixed so that labels can be placed, and its axis with round numbers."""
    if log:
        scale = alt.Scale(type="log", domain=list(domain), nice=False)
        return {"scale": scale, "axis": alt.Axis(values=log_ticks(*domain), format="~g")}
    return {"scale": alt.Scale(domain=list(domain), zero=False, nice=False), "axis": alt.Axis(tickCount=6)}


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers (1, 2, 5 times a power of ten) within the bounds."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for p in powers for m in (1, 2, 5) if low <= (tick := float(f"{m}e{p}")) <= high]


def _caption(view: RunView, cost: str, direction: str) -> str:
    corner = "upper" if direction == "higher" else "lower"
    better = f"towards the {corner} left" if cost in COST_TITLES else f"{corner} in the chart"
    parts = [f"Better is {better}. Bars are intervals of each number alone; comparisons are paired and tighter."]
    if (along := _along(view)) and along != cost:
        parts.append(f"Figures at the points: {along}.")
    if any(cell.is_reference for cell in view.cells):
        parts.append("The ring marks the reference.")
    if cost == "model calls":
        parts.append("Nothing was timed: model calls stand for cost.")
    untimed = [cell.label for cell in view.done if cost == "latency" and cell.timing is None]
    if untimed:
        parts.append(f"Not shown, because not timed: {', '.join(untimed)}.")
    return " ".join(parts)

"""Quality against what it costs, with the Pareto front: a panel for each ground, one chart for each metric and cost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import altair as alt
import pandas as pd

from harness.catalog.metrics import METRICS
from harness.report.charts import Chart, finish
from harness.report.labels import Frame, place_labels, shared_labels
from harness.report.quality_latency import ends_of
from harness.report.schedulers.look import COST_TITLES, INK, Panel, colours, dashes, labels_of, marks, place_on, x_of
from harness.report.schedulers.sweep import Cost, Ground, Point, Sweep
from harness.report.sentences import bounds_text, value_text
from harness.report.text import counts_pictures, metric_words
from harness.report.view import score_of

_SIZE = (430, 290)


def cost_charts(sweep: Sweep) -> list[Chart]:
    """Each judged metric against model calls and, where anything was timed, against seconds."""
    costs: list[Cost] = ["model_calls", "seconds"]
    made = [cost_chart(sweep, metric, cost) for metric in sweep.metrics for cost in costs]
    return [chart for chart in made if chart is not None]


def cost_chart(sweep: Sweep, metric: str, cost: Cost) -> Chart | None:
    """One metric against one cost; ``None`` without points."""
    rows = [(ground, _rows(sweep, ground, metric, cost)) for ground in sweep.grounds]
    panels = [_panel(sweep, ground, found, metric, cost) for ground, found in rows if found]
    if not panels:
        return None
    direction = METRICS[metric].direction
    corner = "upper" if direction == "higher" else "lower"
    text = (
        f"The mean of {metric_words(metric)} ({direction} is better) with its own 95 % interval; better is towards the "
        f"{corner} left. The ringed points, joined by the grey line, are the Pareto front of the means. Figures: steps."
    )
    if cost == "model_calls":
        text += " Points of as many model calls are set side by side."
    untimed = [p.cell.label for g in sweep.grounds for p in g.points if p.cell.status == "done" and p.seconds is None]
    if cost == "seconds" and untimed:
        text += f" Not shown, because not timed: {', '.join(untimed)}."
    chart = alt.concat(*panels, columns=2).resolve_scale(color="shared", stroke="shared", strokeDash="shared")
    words = COST_TITLES[cost]
    return Chart(f"{metric}-{cost}", f"{metric_words(metric)} against {words}", text, finish(chart))


def _rows(sweep: Sweep, ground: Ground, metric: str, cost: Cost) -> list[dict[str, Any]]:
    found = (_row(sweep, ground, point, metric, cost) for point in ground.points)
    return [row for row in found if row is not None]


def _row(sweep: Sweep, ground: Ground, point: Point, metric: str, cost: Cost) -> dict[str, Any] | None:
    place, score = place_on(sweep, ground, point, cost), score_of(point.cell, metric)
    if place is None or score is None or score.value is None or point.cell.status != "done":
        return None
    scale = 100 if counts_pictures(metric) else 1
    low, high = (score.interval.low, score.interval.high) if score.interval else (score.value, score.value)
    return {
        "x": place[0], "x_low": place[1], "x_high": place[2], "y": scale * score.value, "y_low": scale * low,
        "y_high": scale * high, "series": point.cell.settings.scheduler.label, "order": point.steps,
        "reference": point.standing == "reference", "text": str(point.steps), "mark": point.standing,
        "front": point.cell.cell_id in ground.on_front(metric, cost), "cell": point.cell.label,
        "value": f"{value_text(score)} ({bounds_text(score)})",
    }  # fmt: skip


def _panel(sweep: Sweep, ground: Ground, rows: list[dict[str, Any]], metric: str, cost: Cost) -> Panel:
    frame = _frame(rows)
    rows = shared_labels(rows, frame)
    data = pd.DataFrame(rows).assign(**place_labels(rows, frame))
    x, y = x_of(frame, cost), _y_of(frame, metric)
    base = alt.Chart(data)
    tips = [alt.Tooltip(f"{key}:N") for key in ("cell", "value", "front")]
    line = base.mark_line(strokeWidth=1.4, opacity=0.7).encode(
        x=x, y=y, order="order:Q", color=colours(sweep), strokeDash=dashes(sweep)
    )
    bars = base.mark_rule(strokeWidth=1.8).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q", color=colours(sweep))
    across = base.mark_rule(strokeWidth=1.8).encode(y=y, x=alt.X("x_low:Q"), x2="x_high:Q", color=colours(sweep))
    rings = base.transform_filter("datum.front").mark_point(size=330, strokeWidth=1.6, filled=False, color=INK)
    layers = [*_steps(rows, x, y), line, bars, across, rings.encode(x=x, y=y), *marks(base, x, y, sweep, tips)]
    title = alt.TitleParams(sweep.name_of(ground), anchor="start", fontSize=14, color=INK, offset=8)
    chart = alt.layer(*layers, *labels_of(data, sweep))
    return chart.properties(width=_SIZE[0], height=_SIZE[1], title=title)


def _frame(rows: list[dict[str, Any]]) -> Frame:
    x_low, x_high, y_low, y_high = ([row[key] for row in rows] for key in ("x_low", "x_high", "y_low", "y_high"))
    return Frame.around(x_low, x_high, y_low, y_high, *_SIZE)


def _y_of(frame: Frame, metric: str) -> alt.Y:
    unit = " (% of pictures)" if counts_pictures(metric) else ""
    return alt.Y("y:Q", title=f"{metric_words(metric)}{unit}", **ends_of(frame.y_log, frame.y_domain))


def _steps(rows: list[dict[str, Any]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The front as a staircase: what the best mean is for at most a cost."""
    ordered = sorted((row for row in rows if row["front"]), key=lambda row: (row["x"], row["y"]))
    corners = [{"x": row["x"], "y": row["y"]} for row in ordered[:1]]
    for one, other in pairwise(ordered):
        corners += [{"x": other["x"], "y": one["y"]}, {"x": other["x"], "y": other["y"]}]
    data = pd.DataFrame([{**corner, "place": place} for place, corner in enumerate(corners)])
    if len(corners) < 2:
        return []
    return [alt.Chart(data).mark_line(color="#8a94a0", strokeWidth=3, opacity=0.5).encode(x=x, y=y, order="place:Q")]

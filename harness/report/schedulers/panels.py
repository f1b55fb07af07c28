"""The paired difference from the reference against cost, a panel for each ground: the comparison's main chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.report.charts import Chart, finish
from harness.report.labels import Frame, bent, place_labels, shared_labels
from harness.report.quality_latency import ends_of
from harness.report.schedulers.advice import Advice
from harness.report.schedulers.look import (
    COST_TITLES,
    INK,
    Panel,
    colours,
    cost_of_panel,
    dashes,
    labels_of,
    marks,
    place_on,
    x_of,
)
from harness.report.schedulers.sweep import Cost, Ground, Point, Sweep
from harness.report.schedulers.wording import difference_words, interval_words, shown_scale, unit_of
from harness.report.text import metric_words
from harness.report.view import comparison_of

MARKS = (
    "● equivalent or improved, ○ inconclusive, × regressed, ★ equivalent with the fewest model calls, ◆ the reference"
)
_WIDE = 6.0  # margins: with differences beyond, the scale bends
_PAGE = (430, 300)
_PLAIN = "replace(toString(datum.value), '-', '−')"  # a number format of Vega's would write −1e+1


def difference_chart(sweep: Sweep, advice: Sequence[Advice], metric: str) -> Chart | None:
    """The panels of all grounds side by side; ``None`` where nothing has a difference yet."""
    costs = {cost_of_panel(advised.ground) for advised in advice}
    panels = [difference_panel(sweep, advised, metric, _PAGE) for advised in advice]
    there = [panel for panel in panels if panel is not None]
    if not there:
        return None
    against = " and ".join(COST_TITLES[cost] for cost in sorted(costs))
    title = f"{metric_words(metric)}, difference from the reference against {against}"
    chart = alt.concat(*there, columns=2).resolve_scale(color="shared", stroke="shared", strokeDash="shared")
    return Chart(f"difference-{metric}", title, caption(sweep, metric), finish(chart))


def caption(sweep: Sweep, metric: str) -> str:
    """How to read the panels."""
    parts = [
        f"Difference in {metric_words(metric)} from the reference, paired by prompt and seed, with its 95 % interval "
        f"(studentized bootstrap over prompts); the band is the margin. {MARKS}{_unjudged(sweep)}. The mark is the "
        "verdict over all quality metrics, Holm-adjusted over the run, and may differ from what one interval shows. "
        "Figures: steps."
    ]
    if any_bends(sweep, sweep.grounds, metric):
        parts.append("The vertical scale is linear near zero and logarithmic beyond the margin.")
    if not sweep.timed:
        parts.append("Nothing was timed: model calls stand for seconds, equal ones set side by side.")
    untimed = [p.cell.label for g in sweep.grounds for p in g.compared if sweep.timed and p.seconds is None]
    if untimed:
        parts.append(f"Not shown, because not timed: {', '.join(untimed)}.")
    return " ".join(parts)


def _unjudged(sweep: Sweep) -> str:
    """The mark of what has no verdict, where there is any."""
    points = (point for ground in sweep.grounds for point in ground.compared)
    return ", □ not judged" if any(point.standing == "not judged" for point in points) else ""


def difference_panel(
    sweep: Sweep, advised: Advice, metric: str, size: tuple[int, int], *, short: bool = False
) -> Panel | None:
    """One ground's panel of that size; ``None`` where nothing on it has a difference. ``short``: few words at axes."""
    ground, cost = advised.ground, cost_of_panel(advised.ground)
    rows = _rows(sweep, ground, metric, advised, cost)
    if all(row["mark"] == "reference" for row in rows):
        return None
    frame = _frame(rows, *size)
    rows = shared_labels(rows, frame)
    data = pd.DataFrame(rows).assign(**place_labels(rows, frame))
    x, y = x_of(frame, cost, short=short), _y_of(frame, metric, short=short)
    layers = _layers(sweep, data, (x, y), metric, _band(_margin(rows), frame, y))
    return alt.layer(*layers).properties(width=size[0], height=size[1], title=_title(sweep, ground))


def _title(sweep: Sweep, ground: Ground) -> alt.TitleParams:
    return alt.TitleParams(sweep.name_of(ground), anchor="start", fontSize=14, color=INK, offset=8)


def _rows(sweep: Sweep, ground: Ground, metric: str, advised: Advice | None, cost: Cost) -> list[dict[str, Any]]:
    starred = {point.cell.cell_id for point in advised.tied} if advised else set()
    found = (_row(sweep, ground, point, metric, starred, cost) for point in ground.points)
    return [row for row in found if row is not None]


def _row(
    sweep: Sweep, ground: Ground, point: Point, metric: str, starred: set[str], cost: Cost
) -> dict[str, Any] | None:
    """A point as the chart has it; the reference lies at zero."""
    place, found, scale = place_on(sweep, ground, point, cost), point.differences.get(metric), shown_scale(metric)
    is_reference = point.standing == "reference"
    if place is None or (not is_reference and (found is None or found.value is None)):
        return None
    value = scale * (found.value or 0.0) if found else 0.0
    low, high = (
        (scale * found.low, scale * found.high)
        if found and found.low is not None and found.high is not None
        else (value,) * 2
    )
    judged = comparison_of(point.cell, metric)
    return {
        "x": place[0], "x_low": place[1], "x_high": place[2], "y": value, "y_low": low, "y_high": high,
        "series": point.cell.settings.scheduler.label, "order": point.steps, "reference": is_reference,
        "text": str(point.steps), "mark": "cheapest" if point.cell.cell_id in starred else point.standing,
        "margin": scale * judged.margin if judged else None, "cell": point.cell.label,
        "difference": difference_words(metric, found) if found else "the reference",
        "interval": interval_words(metric, found) if found else "", "verdict": judged.verdict if judged else "",
    }  # fmt: skip


def _margin(rows: list[dict[str, Any]]) -> float | None:
    known = [row["margin"] for row in rows if row["margin"]]
    return min(known) if known else None


def any_bends(sweep: Sweep, grounds: Sequence[Ground], metric: str) -> bool:
    """Whether a panel's vertical scale is bent: a caption must say so."""
    return any(_bends(_rows(sweep, ground, metric, None, cost_of_panel(ground))) for ground in grounds)


def _bends(rows: list[dict[str, Any]]) -> bool:
    margin = _margin(rows)
    return margin is not None and max(max(-row["y_low"], row["y_high"]) for row in rows) > _WIDE * margin


def _frame(rows: list[dict[str, Any]], width: int, height: int) -> Frame:
    """The scales; the vertical one holds zero and the margin."""
    margin = _margin(rows) or 0.0
    low = min(-1.5 * margin, *(row["y_low"] for row in rows))
    high = max(1.5 * margin, *(row["y_high"] for row in rows))
    knee = margin if _bends(rows) else None
    room = 1.25 if knee else 1.0
    lows, highs = [row["x_low"] for row in rows], [row["x_high"] for row in rows]
    level = Frame.around(lows, highs, [low * room], [high * room], width, height)
    return Frame(level.x_domain, level.y_domain, level.x_log, False, width, height, knee)


def _y_of(frame: Frame, metric: str, *, short: bool) -> alt.Y:
    unit = unit_of(metric)
    words = "difference" if short else f"{metric_words(metric)} minus the reference's"
    title = words + (f" ({unit})" if unit else "")
    if frame.y_knee is None:
        return alt.Y("y:Q", title=title, **ends_of(False, frame.y_domain))
    scale = alt.Scale(type="symlog", constant=frame.y_knee, domain=list(frame.y_domain), nice=False)
    return alt.Y("y:Q", title=title, scale=scale, axis=alt.Axis(values=bent_ticks(frame), labelExpr=_PLAIN))


def bent_ticks(frame: Frame) -> list[float]:
    """Zero, and one and three times the powers of ten beyond the margin, within the ends."""
    knee, (low, high) = frame.y_knee or 1.0, frame.y_domain
    powers = [float(f"{m}e{power}") for power in range(-6, 7) for m in (1, 3)]
    beyond = [value for value in powers if bent(value, knee) > 0.9]
    return [*(-v for v in reversed(beyond) if -v >= low), 0.0, *(v for v in beyond if v <= high)]


def _layers(
    sweep: Sweep, data: pd.DataFrame, axes: tuple[alt.X, alt.Y], metric: str, below: list[alt.Chart]
) -> list[alt.Chart]:
    x, y = axes
    base = alt.Chart(data)
    named = {"cell": "cell", "difference": metric_words(metric), "interval": "95 % interval", "verdict": "verdict"}
    tips = [alt.Tooltip(f"{key}:N", title=title) for key, title in named.items()]
    line = base.mark_line(strokeWidth=1.6, opacity=0.75).encode(
        x=x, y=y, order="order:Q", color=colours(sweep), strokeDash=dashes(sweep)
    )
    bars = base.transform_filter("datum.y_low < datum.y_high").mark_rule(strokeWidth=2)
    drawn = bars.encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q", color=colours(sweep))
    return [*below, line, drawn, *marks(base, x, y, sweep, tips), *labels_of(data, sweep)]


def _band(margin: float | None, frame: Frame, y: alt.Y) -> list[alt.Chart]:
    """The margin as a band and zero as a line, from side to side; no band where nothing was judged."""
    left, right = frame.x_domain
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color="#5b6673", strokeDash=[3, 3]).encode(y=y)
    if margin is None:
        return [zero]
    ends = pd.DataFrame({"x": [left], "right": [right], "low": [-margin], "high": [margin]})
    band = alt.Chart(ends).mark_rect(color="#8a94a0", opacity=0.2)
    return [band.encode(x="x:Q", x2="right:Q", y=alt.Y("low:Q"), y2="high:Q"), zero]

"""A history as one picture: a panel for each series, bars of the intervals, levels, and lines where they moved."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from harness.compare.history.rendering import summary
from harness.compare.history.types import History, Series
from harness.report.charts import BLUE, VERMILION, Chart, finish
from harness.report.text import metric_words, moment

MOST_PANELS = 8
_WIDTH, _HEIGHT = 920, 220
_SCALE = {"latency": ("ms an image", 1e3), "peak_memory": ("MiB", 1 / 2**20)}


def history_chart(found: History) -> Chart:
    """The chart; series beyond the eighth are left out, which its caption says."""
    shown = found.series[:MOST_PANELS]
    panels = [_panel(found, one) for one in shown]
    left = len(found.series) - len(shown)
    words = metric_words(found.metric)
    return Chart(
        name="history",
        title=f"{words[:1].upper()}{words[1:]} over runs",
        caption=f"{left} more series are not shown." if left else "",
        spec=finish(alt.concat(*panels, columns=1, spacing=26)),
    )


def _panel(found: History, one: Series) -> alt.LayerChart | alt.FacetChart:
    unit, factor = _SCALE.get(found.metric, (found.unit, 1.0))
    points = pd.DataFrame([_row(one, place, factor) for place in range(len(one.points))])
    order = alt.X(
        "run:N",
        sort=points["run"].tolist(),
        title=None,
        axis=alt.Axis(labelAngle=-35, labelLimit=170, labelOverlap=True),
    )
    value = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False))
    base = alt.Chart(points)
    bars = base.mark_rule(color=BLUE, strokeWidth=1.6).encode(x=order, y=alt.Y("low:Q", title=unit), y2="high:Q")
    levels = base.mark_line(color="#8a94a0", strokeDash=[5, 4], interpolate="step").encode(
        x=order, y=alt.Y("level:Q", title=unit, scale=alt.Scale(zero=False)), detail="part:N"
    )
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=order,
        y=value,
        color=alt.Color("first:N", scale=alt.Scale(domain=[False, True], range=[BLUE, VERMILION]), legend=None),
    )
    title = alt.TitleParams([one.cell], subtitle=[summary(found, one)], anchor="start", fontSize=14)
    return alt.layer(bars, levels, dots).properties(width=_WIDTH, height=_HEIGHT, title=title)


def _row(one: Series, place: int, factor: float) -> dict[str, Any]:
    """A point; ``part`` is its level's number and ``level`` that level's mean."""
    point = one.points[place]
    starts = [0, *(moved.at for moved in one.moved), len(one.points)]
    part = sum(place >= start for start in starts[1:-1])
    of_level = [p.value for p in one.points[starts[part] : starts[part + 1]]]
    return {
        "run": f"{place + 1}. {point.name}, {moment(point.started_ms)[:10]}",
        "value": point.value * factor,
        "low": (point.value if point.low is None else point.low) * factor,
        "high": (point.value if point.high is None else point.high) * factor,
        "level": sum(of_level) / len(of_level) * factor,
        "part": part,
        "first": any(place == moved.at for moved in one.moved),
    }

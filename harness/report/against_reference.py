"""The chart of each cell's paired difference from its reference, over the band of the margin."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import pandas as pd

from harness.report.charts import BLUE, GREEN, VERMILION, Chart, finish
from harness.report.sentences import difference_text, interval_text
from harness.report.text import metric_words, plural
from harness.report.view import RunView, comparison_of
from harness.store.records import CellRecord

_COLOURS = {"improved": BLUE, "equivalent": GREEN, "inconclusive": "#7F8A96", "regressed": VERMILION}
_SHAPES = {"improved": "triangle-up", "equivalent": "circle", "inconclusive": "square", "regressed": "triangle-down"}


def against_reference(view: RunView, metric: str, width: int = 640) -> Chart | None:
    """Each cell's paired difference with its 90 % interval over the band of the margin; ``None`` without any."""
    rows = [_difference(view, cell, metric) for cell in view.done]
    found = [row for row in rows if row is not None]
    if not found:
        return None
    limit = _limit(found)
    data = pd.DataFrame([_clipped(row, limit) for row in found])
    caption = (
        f"Difference in {metric_words(metric)} from the reference, paired by prompt and seed, with its plain 90 % "
        "interval; the band is the margin. "
        "Verdicts are Holm-adjusted over the report. Off the scale: an arrow with the number."
    )
    chart = alt.layer(*_difference_layers(data, limit)).properties(width=width, height=alt.Step(26))
    return Chart(f"against-reference-{metric}", f"{metric_words(metric)} against the reference", caption, finish(chart))


def _difference(view: RunView, cell: CellRecord, metric: str) -> dict[str, Any] | None:
    compared = comparison_of(cell, metric)
    if compared is None or compared.difference is None:
        return None
    bounds = compared.interval
    several = len({c.reference for c in view.done if c.reference}) > 1
    against = f" vs {view.cell(compared.reference).label}" if several else ""
    return {
        "cell": cell.label + against, "difference": compared.difference, "margin": compared.margin,
        "low": bounds.low if bounds else compared.difference, "high": bounds.high if bounds else compared.difference,
        "verdict": compared.verdict, "text": difference_text(compared), "interval": interval_text(compared),
        "n": plural(compared.n, compared.unit),
    }  # fmt: skip


def _limit(rows: list[dict[str, Any]]) -> float:
    """Half the axis: it holds the margin and the nearer half of the cells; far-off differences become arrows."""
    margin = max(1e-9, *(row["margin"] for row in rows))
    reach = sorted(max(abs(row["low"]), abs(row["high"])) for row in rows)
    return float(max(2.5 * margin, min(1.1 * reach[len(reach) // 2], 12 * margin)))


def _clipped(row: dict[str, Any], limit: float) -> dict[str, Any]:
    off = abs(row["difference"]) > limit
    side = math.copysign(limit * 0.985, row["difference"])
    bounds = {key: min(max(row[key], -limit), limit) for key in ("low", "high")}
    return {**row, **bounds, "shown": side if off else row["difference"], "off": off,
            "arrow": f"{row['text']} →" if side > 0 else f"← {row['text']}"}  # fmt: skip


def _difference_layers(data: pd.DataFrame, limit: float) -> list[alt.Chart]:
    present = [v for v in _COLOURS if v in set(data["verdict"])]
    colour = alt.Color("verdict:N", title=None, scale=alt.Scale(domain=present, range=[_COLOURS[v] for v in present]))
    shape = alt.Shape("verdict:N", title=None, scale=alt.Scale(domain=present, range=[_SHAPES[v] for v in present]))
    scale = alt.Scale(domain=[-limit, limit], nice=False)
    y = alt.Y("cell:N", title=None, sort=None, axis=alt.Axis(labelLimit=320, grid=False))
    tips = [alt.Tooltip(f"{key}:N") for key in ("cell", "text", "interval", "verdict", "n")]
    base = alt.Chart(data)
    band = (
        base.transform_calculate(from_="-datum.margin")
        .mark_bar(color="#8a94a0", opacity=0.18, size=26)
        .encode(
            y=y,
            x=alt.X("from_:Q", scale=scale, title="cell minus reference", axis=alt.Axis(tickCount=8)),
            x2="margin:Q",
        )
    )
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0.0]}))
        .mark_rule(color="#5b6673", strokeDash=[3, 3])
        .encode(x=alt.X("zero:Q", scale=scale))
    )
    inside, outside = base.transform_filter("!datum.off"), base.transform_filter("datum.off")
    bars = inside.mark_rule(strokeWidth=2).encode(y=y, x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour)
    dots = inside.mark_point(filled=True, size=80, opacity=1).encode(
        y=y, x=alt.X("shown:Q", scale=scale), color=colour, shape=shape, tooltip=tips
    )
    right = (
        outside.transform_filter("datum.shown > 0")
        .mark_text(align="right", fontWeight="bold")
        .encode(y=y, x=alt.X("shown:Q", scale=scale), text="arrow:N", color=colour, tooltip=tips)
    )
    left = (
        outside.transform_filter("datum.shown < 0")
        .mark_text(align="left", fontWeight="bold")
        .encode(y=y, x=alt.X("shown:Q", scale=scale), text="arrow:N", color=colour, tooltip=tips)
    )
    return [band, zero, bars, dots, right, left]

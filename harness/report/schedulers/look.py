"""What the charts of this comparison share: a colour for each scheduler, a mark for each outcome, scales and axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from harness.report.charts import SERIES_COLOURS
from harness.report.labels import Frame
from harness.report.quality_latency import ends_of
from harness.report.schedulers.sweep import Cost, Ground, Point, Sweep

Panel = alt.LayerChart | alt.FacetChart
INK = "#1d232b"
STAR = (
    "M0,-1L0.235,-0.324L0.951,-0.309L0.38,0.124L0.588,0.809L0,0.4L-0.588,0.809L-0.38,0.124L-0.951,-0.309L-0.235,-0.324Z"
)
CROSS = "M-0.7,-0.7L0.7,0.7M-0.7,0.7L0.7,-0.7"
COST_TITLES: dict[Cost, str] = {"seconds": "seconds for each image", "model_calls": "model calls for each image"}
_DASHES = [[1, 0], [5, 3], [2, 2], [8, 3, 2, 3]]  # told apart without colours too
_BESIDE, _FARTHEST = 0.035, 0.15  # of a cost: how far points of the very same cost are set apart, and at most


def colour_of(sweep: Sweep, scheduler: str) -> str:
    """A scheduler's colour, the same in every chart of the report."""
    return SERIES_COLOURS[sweep.schedulers.index(scheduler) % len(SERIES_COLOURS)]


def colours(sweep: Sweep, channel: type[Any] = alt.Color) -> Any:
    """The encoding of schedulers as colours."""
    names = list(sweep.schedulers)
    scale = alt.Scale(domain=names, range=[colour_of(sweep, name) for name in names])
    legend = alt.Legend(symbolType="stroke", symbolStrokeWidth=3.5, symbolSize=420, labelLimit=0)
    return channel("series:N", title=None, scale=scale, legend=legend)


def dashes(sweep: Sweep) -> alt.StrokeDash:
    """The encoding of schedulers as dashes, for eyes that do not tell the colours apart."""
    names = list(sweep.schedulers)
    scale = alt.Scale(domain=names, range=[_dash(i) for i in range(len(names))])
    return alt.StrokeDash("series:N", title=None, scale=scale)


def _dash(number: int) -> list[int]:
    """The dash of the n-th scheduler: one on, each time that the colours begin anew, so that no two look the same."""
    return _DASHES[(number + number // len(SERIES_COLOURS)) % len(_DASHES)]


def dash_of(sweep: Sweep, scheduler: str) -> str:
    """A scheduler's dash as SVG has it, to the width of a legend's line; "" for a whole line."""
    dash = _dash(sweep.schedulers.index(scheduler))
    return "" if dash == _DASHES[0] else " ".join(str(2 * part) for part in dash)


def cost_of_panel(ground: Ground) -> Cost:
    """Seconds where anything on it was timed, else model calls."""
    return "seconds" if any(point.seconds is not None for point in ground.points) else "model_calls"


def place_on(sweep: Sweep, ground: Ground, point: Point, cost: Cost) -> tuple[float, float, float] | None:
    """Where a point stands on the axis of cost, with its interval; points of the same model calls side by side."""
    if cost == "seconds":
        if point.cell.timing is None:
            return None
        x, bounds = point.cell.timing.latency_s, point.cell.timing.latency_interval
        return (x, bounds.low, bounds.high) if bounds else (x, x, x)
    names = [line.scheduler for line in ground.lines]
    last = (len(names) - 1) / 2
    apart = min(_BESIDE, _FARTHEST / last) if last else 0.0
    return (point.model_calls * (1 + apart * (names.index(point.cell.settings.scheduler.label) - last)),) * 3


def x_of(frame: Frame, cost: Cost, *, short: bool = False) -> alt.X:
    """The axis of cost; ``short``: with few words, for a small panel."""
    shown = (cost.replace("_", " ") if short else COST_TITLES[cost]) + (" (log)" if frame.x_log else "")
    return alt.X("x:Q", title=shown, **ends_of(frame.x_log, frame.x_domain))


def marks(base: alt.Chart, x: alt.X, y: alt.Y, sweep: Sweep, tips: Sequence[alt.Tooltip]) -> list[alt.Chart]:
    """A layer for each kind of mark: column ``mark`` names it."""
    fill = {"color": colours(sweep)}
    stroke = {"stroke": colours(sweep, alt.Stroke)}
    shaped: dict[str, alt.Chart] = {
        "holds": base.mark_point(shape="circle", filled=True, size=105).encode(**fill),
        "open": base.mark_point(shape="circle", fill="white", size=95, strokeWidth=2.2).encode(**stroke),
        "regressed": base.mark_point(shape=CROSS, filled=False, size=95, strokeWidth=2.6).encode(**stroke),
        "not judged": base.mark_point(shape="square", fill="white", size=60, strokeWidth=1.2).encode(**stroke),
        "reference": base.mark_point(shape="diamond", filled=True, size=150).encode(**fill),
        "cheapest": base.mark_point(shape=STAR, filled=True, size=150, stroke=INK, strokeWidth=0.9).encode(**fill),
    }
    return [
        chart.transform_filter(f"datum.mark === '{name}'").encode(x=x, y=y, tooltip=list(tips), opacity=alt.value(1))
        for name, chart in shaped.items()
    ]


def labels_of(data: pd.DataFrame, sweep: Sweep, size: int = 12) -> list[alt.Chart]:
    """The steps beside each point in its scheduler's colour; dark where one label stands for several points."""
    places = {"x": "label_x:Q", "y": "label_y:Q", "text": "text:N"}
    text = alt.Chart(data).mark_text(fontSize=size, fontWeight="bold")
    own = text.transform_filter("datum.alone").encode(**places, color=colours(sweep))
    return [own, text.transform_filter("!datum.alone").encode(**places, color=alt.value(INK))]

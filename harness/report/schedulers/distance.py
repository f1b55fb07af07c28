"""How far each picture is from its scheduler's own converged picture: a diagnostic, on which no verdict rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from harness.catalog.metrics import CONVERGED
from harness.report.charts import Chart, finish
from harness.report.labels import Frame, place_labels, shared_labels
from harness.report.quality_latency import ends_of
from harness.report.schedulers.look import INK, Panel, colours, dashes, labels_of, place_on, x_of
from harness.report.schedulers.sweep import Ground, Sweep
from harness.report.sentences import bounds_text, value_text
from harness.report.text import listing, plural
from harness.report.view import RunView, score_of
from harness.store.records import Score

_SIZE = (430, 290)


@dataclass(frozen=True)
class Distances:
    """A ground's table: ``steps`` across, a scheduler a line with its score or ``None`` where there is no such cell."""

    ground: Ground
    steps: tuple[int, ...]
    lines: tuple[tuple[str, tuple[Score | None, ...]], ...]


def distances(sweep: Sweep) -> tuple[Distances, ...]:
    """A table for each ground; none where the run does not measure it."""
    if CONVERGED not in sweep.view.quality_metrics:
        return ()
    return tuple(_of(ground) for ground in sweep.grounds)


def _of(ground: Ground) -> Distances:
    lines = []
    for line in ground.lines:
        scores = {point.steps: score_of(point.cell, CONVERGED) for point in line.points}
        lines.append((line.scheduler, tuple(scores.get(steps) for steps in ground.steps)))
    return Distances(ground, ground.steps, tuple(lines))


def solution_words(view: RunView) -> str:
    """What the distance is to: "at 250 steps, the first 16 rows"."""
    steps = sorted({cell.settings.num_inference_steps for cell in view.solutions})
    rows = sorted({len(view.rows_of(cell)) for cell in view.solutions})
    if not steps:
        return "the converged picture"
    counted, numbers = " or ".join(map(str, steps)), listing([str(n) for n in rows])
    return f"the picture of the same settings, prompt and seed at {counted} steps, for {numbers} rows"


def cell_words(score: Score | None) -> tuple[str, str]:
    """A distance and what stands under it: its interval and count, or why it is missing."""
    if score is None:
        return "", ""
    if score.value is None:
        return "—", score.reason or "no reason was recorded"
    return value_text(score), f"{bounds_text(score)}, {plural(score.n, 'picture')}"


def distance_chart(sweep: Sweep) -> Chart | None:
    """Distance against model calls, both logarithmic; ``None`` without a distance above zero."""
    rows = [(ground, _rows(sweep, ground)) for ground in sweep.grounds]
    panels = [_panel(sweep, ground, found) for ground, found in rows if found]
    if not panels:
        return None
    zero = [
        point.cell.label
        for ground in sweep.grounds
        for point in ground.points
        if (score := score_of(point.cell, CONVERGED)) and score.value == 0
    ]
    text = (
        f"Root mean square difference of pixels, of 255 levels, from {solution_words(sweep.view)}. Lower is nearer to "
        "what the scheduler itself converges to, which is not the same as better. Both axes are logarithmic."
    )
    if zero:
        text += f" Not shown, because zero: {listing(zero)}."
    chart = alt.concat(*panels, columns=2).resolve_scale(color="shared", strokeDash="shared")
    return Chart("converged-distance", "Distance to the scheduler's own converged picture", text, finish(chart))


def _rows(sweep: Sweep, ground: Ground) -> list[dict[str, Any]]:
    rows = []
    for point in ground.points:
        score, place = score_of(point.cell, CONVERGED), place_on(sweep, ground, point, "model_calls")
        if score is None or not score.value or place is None:
            continue
        low, high = (score.interval.low, score.interval.high) if score.interval else (score.value, score.value)
        rows.append(
            {
                "x": place[0], "x_low": place[1], "x_high": place[2], "y": score.value,
                "y_low": low if low > 0 else score.value, "y_high": high,
                "series": point.cell.settings.scheduler.label, "order": point.steps, "reference": False,
                "text": str(point.steps), "cell": point.cell.label,
                "value": f"{value_text(score)} ({bounds_text(score)})",
            }
        )  # fmt: skip
    return rows


def _panel(sweep: Sweep, ground: Ground, rows: list[dict[str, Any]]) -> Panel:
    low, high = min(row["y_low"] for row in rows), max(row["y_high"] for row in rows)
    calls = [row["x"] for row in rows]
    frame = Frame((0.85 * min(calls), 1.18 * max(calls)), (low / 1.3, high * 1.3), True, True, *_SIZE)
    rows = shared_labels(rows, frame)
    data = pd.DataFrame(rows).assign(**place_labels(rows, frame))
    x = x_of(frame, "model_calls")
    y = alt.Y("y:Q", title="levels of 255 (log)", **ends_of(True, frame.y_domain))
    base = alt.Chart(data).encode(color=colours(sweep))
    line = base.mark_line(strokeWidth=1.6).encode(x=x, y=y, order="order:Q", strokeDash=dashes(sweep))
    bars = base.mark_rule(strokeWidth=1.8).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q")
    tips = [alt.Tooltip("cell:N"), alt.Tooltip("value:N", title="distance")]
    dots = base.mark_point(filled=True, size=85, opacity=1).encode(x=x, y=y, tooltip=tips)
    title = alt.TitleParams(sweep.name_of(ground), anchor="start", fontSize=14, color=INK, offset=8)
    chart = alt.layer(line, bars, dots, *labels_of(data, sweep))
    return chart.properties(width=_SIZE[0], height=_SIZE[1], title=title)

"""The page's charts: speed-ups with their intervals, and the drift of the latents."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from harness.report.charts import BLUE, GREEN, SERIES_COLOURS, VERMILION, Chart, finish
from harness.report.optimizations.audit import Audit, Family
from harness.report.optimizations.wording import outcome_word, ratio_words

GREY = "#7F8A96"
COLOURS = {"applied": GREEN, "no-op": GREY, "partly": "#E69F00", "failed": VERMILION, "none recorded": "#8C564B",
            "A/A": "#8a94a0", "—": BLUE}  # fmt: skip


def speed_chart(audit: Audit, family: Family) -> Chart | None:
    """Each cell's speed-up; ``None`` where none is known."""
    rows = [
        {
            "cell": one.name, "value": one.speed.value, "text": ratio_words(one.speed), "outcome": outcome_word(one),
            "low": one.speed.value if one.speed.low is None else one.speed.low,
            "high": one.speed.value if one.speed.high is None else one.speed.high,
        }
        for one in family.cells
        if one.speed is not None and one.speed.value is not None
    ]  # fmt: skip
    if not rows:
        return None
    present = [word for word in COLOURS if word in {row["outcome"] for row in rows}]
    scale = alt.Scale(domain=present, range=[COLOURS[word] for word in present])
    base = alt.Chart(pd.DataFrame(rows))
    y = alt.Y("cell:N", title=None, sort=None, axis=alt.Axis(labelLimit=340, grid=False))
    colour = alt.Color("outcome:N", title=None, scale=scale)
    one = alt.Chart(pd.DataFrame({"one": [1.0]})).mark_rule(color="#5b6673", strokeDash=[3, 3]).encode(x="one:Q")
    x = alt.X("low:Q", title="speed-up over the reference", scale=alt.Scale(type="log", nice=False, padding=20))
    bars = base.mark_rule(strokeWidth=2.4).encode(y=y, x=x, x2="high:Q", color=colour)
    tips = [alt.Tooltip(f"{key}:N") for key in ("cell", "text", "outcome")]
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(y=y, x="value:Q", color=colour, tooltip=tips)
    chart = alt.layer(one, bars, dots).properties(width=640, height=alt.Step(28))
    caption = (
        f"{family.title}: the reference's seconds over the cell's, with the 95 % interval over visits; right of the "
        "dashed line is faster. The colour says whether the optimization was on. The scale is logarithmic."
    )
    return Chart(f"speed-up-{audit.families.index(family)}", "Speed-up", caption, finish(chart))


def divergence_chart(audit: Audit, family: Family) -> Chart | None:
    """The relative distance of the latents after each step; ``None`` where no distance above zero is known."""
    drifting = [one for one in family.compared if one.divergence and any(map(_shown, one.divergence.steps))]
    rows = [
        {"cell": one.name, "step": number, "distance": distance}
        for one in drifting
        for number, distance in enumerate(one.divergence.steps if one.divergence else (), 1)
        if _shown(distance)
    ]
    shown = [d for one in drifting for d in (one.divergence.steps if one.divergence else ()) if _shown(d)]
    if not rows:
        return None
    names = [one.name for one in drifting]
    colours = [SERIES_COLOURS[number % len(SERIES_COLOURS)] for number in range(len(names))]
    scale = alt.Scale(type="log", nice=False, padding=12)
    axis = alt.Axis(values=_decades(shown), format=".0e")
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("step:Q", title="denoising step", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("distance:Q", title="relative L2 distance (log)", scale=scale, axis=axis),
        color=alt.Color("cell:N", title=None, scale=alt.Scale(domain=names, range=colours)),
        tooltip=[alt.Tooltip("cell:N"), alt.Tooltip("step:Q"), alt.Tooltip("distance:Q", format=".2g")],
    )
    chart = alt.layer(base.mark_line(strokeWidth=1.8), base.mark_point(filled=True, size=26))
    same = [one.name for one in family.compared if one.divergence and one.divergence.steps and one not in drifting]
    caption = (
        f"{family.title}: how far the latents of the first picture are from the reference's after each step, "
        f"|cell − reference| / |reference|."
    )
    caption += f" The same to the bit: {', '.join(same)}." if same else ""
    finished = finish(chart.properties(width=640, height=260))
    return Chart(f"latents-{audit.families.index(family)}", "Drift of the latents", caption, finished)


def _decades(distances: list[float]) -> list[float]:
    """One and three times the powers of ten that the distances lie between."""
    low, high = math.floor(math.log10(min(distances))), math.ceil(math.log10(max(distances)))
    return [float(f"{m}e{power}") for power in range(low, high + 1) for m in (1, 3)]


def _shown(distance: float) -> bool:
    return distance > 0 and math.isfinite(distance)

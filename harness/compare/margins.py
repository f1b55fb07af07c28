"""Margins stated before the run that is judged, and those that came too late."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.catalog.metrics import MARGINS, MEASURES
from harness.errors import UsageError
from harness.plan.margins import margins_that_count
from harness.plan.types import Plan

Margins = dict[str, float | str]


def margin_notes(baseline: Plan, run: Plan, late: Mapping[str, float | str]) -> list[str]:
    """What is to be said of margins: the harness's own, the run's if it has others, and those given afterwards."""
    before, notes = margins_that_count(baseline), []
    if not baseline.margins and before:
        notes.append("The baseline's spec names no margins: the harness's own count.")
    for metric, margin in run.margins.items():
        if metric in before and before[metric] != margin:
            notes.append(f"The run's own margin of {metric} is {margin}; the baseline's, {before[metric]}, counts.")
    for metric, margin in late.items():
        counts = f"the baseline's {before[metric]} does" if metric in before else "and the baseline states none"
        notes.append(f"The margin {margin} of {metric} was stated after the run: no verdict rests on it, {counts}.")
    return notes


def late_margin(text: str) -> tuple[str, float | str]:
    """``clip_score=0.5`` or ``latency=3%`` as metric and margin.

    Raises:
        UsageError: no metric that a margin may name, or no number.
    """
    metric, equals, value = text.partition("=")
    if metric not in (*MARGINS, *MEASURES):
        raise UsageError(
            f"{text!r} names no metric with a margin.", expected=f"METRIC=VALUE of {', '.join((*MARGINS, *MEASURES))}"
        )
    if not value:
        raise UsageError(
            f"--margin {text} gives {metric} no value.",
            expected=f"METRIC=VALUE, such as {metric}=0.3, or {metric}=3%",
            do="write the value after an equals sign, without a space" if not equals else "write the value",
        )
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise UsageError(f"The margin {value!r} of {metric} is no number.", expected='such as 0.3, or a share, "3%"')
    return metric, value if value.endswith("%") else number

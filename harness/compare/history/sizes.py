"""The size of a change of level: how it is shown, and whether it is worth a word for better or worse."""

from __future__ import annotations

import math

from harness.plan.margins import absolute_margin, relative_margin
from harness.report.text import counts_pictures, decimals_for, number, percent, points


def size_text(metric: str, before: float, difference: float, *, relative: bool) -> str:
    """A signed difference, in the digits of the level before it: "−1.20", "+3.1 %"."""
    if relative:
        return percent(difference, sign=True)
    if counts_pictures(metric):
        return points(difference, sign=True)
    return number(difference, decimals_for(before, None, None), sign=True)


def too_small(metric: str, before: float, after: float, margin: float | str | None, *, relative: bool) -> str | None:
    """Why a change is neither better nor worse, whatever its p: "smaller than the margin of 0.3"; ``None``: it is.

    Args:
        metric: of the catalog, or ``latency`` or ``peak_memory``.
        before, after: the levels' means.
        margin: as the newest run of the series states it; ``None``: it states none.
        relative: the change is a ratio (time and memory).
    """
    if margin is not None and _within(metric, before, after, margin, relative=relative):
        return f"smaller than the margin of {_margin_text(metric, margin)}"
    difference = after / before - 1 if relative else after - before
    shown = size_text(metric, before, difference, relative=relative)
    return None if any(digit in shown for digit in "123456789") else "smaller than the digits that are shown"


def _within(metric: str, before: float, after: float, margin: float | str, *, relative: bool) -> bool:
    """As a comparison of two runs takes a margin: of a cost, a ratio either way."""
    if relative:
        return abs(math.log(after / before)) < math.log1p(relative_margin(margin, metric))
    return abs(after - before) < absolute_margin(margin, metric, before)


def _margin_text(metric: str, margin: float | str) -> str:
    if isinstance(margin, str):
        return percent(relative_margin(margin, metric))
    return points(margin) if counts_pictures(metric) else f"{margin:g}"

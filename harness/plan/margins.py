"""Margins as numbers: within which a difference does not matter."""

from __future__ import annotations

import math

from harness.catalog.metrics import DEFAULT_MARGINS
from harness.errors import HarnessError
from harness.plan.types import Plan


def relative_margin(margin: float | str, metric: str) -> float:
    """``"3%"`` as 0.03; a plain number is taken as a fraction."""
    if isinstance(margin, str):
        if not margin.endswith("%"):
            raise HarnessError(f"The margin of {metric} is {margin!r}.", expected='a number, or a share such as "3%"')
        return float(margin[:-1]) / 100.0
    return float(margin)


def absolute_margin(margin: float | str, metric: str, reference: float) -> float:
    """A margin in the metric's own unit; a share is of the reference's mean (0 of one that is not there)."""
    if not isinstance(margin, str):
        return float(margin)
    return relative_margin(margin, metric) * abs(reference) if math.isfinite(reference) else 0.0


def margins_that_count(plan: Plan) -> dict[str, float | str]:
    """The plan's margins; the harness's own where its spec compared nothing and so could name none.

    A plan that compares holds every margin that counts: one that is not there was turned off.
    """
    compares = plan.compare_to is not None or plan.first_that_fits or plan.margins
    return dict(plan.margins if compares else DEFAULT_MARGINS)

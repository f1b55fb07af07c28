"""Which way a finding leans that is not settled, and how far, in margins."""

from __future__ import annotations

import math

from harness.catalog.metrics import METRICS
from harness.compare.types import Finding
from harness.report.view import COSTS


def harm(finding: Finding) -> float | None:
    """How much worse the run is, in margins; below zero it is better. ``None``: it is not known, or has no margin."""
    row = METRICS.get(finding.metric)
    if finding.difference is None or finding.margin is None or (row is None and finding.metric not in COSTS):
        return None
    worse = -finding.difference if row is not None and row.direction == "higher" else finding.difference
    return worse / finding.margin if finding.margin else math.copysign(math.inf, worse) if worse else 0.0


def leans(finding: Finding) -> bool:
    """Whether an inconclusive finding leans to worse: its whole interval does, or, where so few have none, its mean
    is beyond the margin; and it is evidence at all.
    """
    return finding.verdict == "inconclusive" and finding.leaning_worse

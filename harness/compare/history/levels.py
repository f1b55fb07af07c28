"""Where a series moved to another level, and which way that is."""

from __future__ import annotations

import math

import numpy as np

from harness.compare.history.gather import Joined
from harness.compare.history.sizes import too_small
from harness.compare.history.types import Moved, Series
from harness.plan.margins import margins_that_count
from harness.report.text import plural
from harness.stats.change_points import LEAST, LEAST_SIDE, MOST, ChangePoint, change_points
from harness.store.measured import MEASURED


def series_of(joined: Joined, metric: str, direction: str | None, label: str) -> Series:
    """The series with its changes of level; costs are looked at by their logarithms.

    Only the newest points are looked at where there are very many.

    Args:
        joined: its points, oldest first.
        metric: of the catalog, or ``latency`` or ``peak_memory``.
        direction: ``"higher"`` or ``"lower"`` is better; ``None``: neither.
        label: of the series, unlike any other's.
    """
    points = joined.points
    known = {"cell": label, "made_with": joined.shares, "points": tuple(points)}
    if len(points) < LEAST:
        return Series(**known, why_no_test=f"{plural(len(points), 'run')}: a change is looked for from {LEAST} on")
    first = max(0, len(points) - MOST)
    values = np.array([point.value for point in points[first:]])
    found = change_points(np.log(values) if metric in MEASURED else values)
    moved = [_moved(joined, first + one.at, one, metric, direction) for one in found]
    notes = [f"only the newest {MOST} runs were looked at"] if first else []
    if len(set(values.tolist())) == 1:
        notes.append("every run gave the same value, to the last digit")
    return Series(**known, moved=tuple(moved), notes=tuple(notes))


def _moved(joined: Joined, at: int, found: ChangePoint, metric: str, direction: str | None) -> Moved:
    relative = metric in MEASURED
    before, after = (math.exp(mean) if relative else mean for mean in (found.before, found.after))
    small = too_small(metric, before, after, _margin(joined, metric), relative=relative)
    better = (after > before) == (direction == "higher")
    return Moved(
        at=at,
        run_id=joined.points[at].run_id,
        before=before,
        after=after,
        difference=after / before - 1 if relative else after - before,
        relative=relative,
        verdict="moved" if direction is None or small else "better" if better else "worse",
        p=found.p,
        reason=small,
    )


def _margin(joined: Joined, metric: str) -> float | str | None:
    """The newest run's: what a change must come to for anybody to mind."""
    return None if joined.last is None else margins_that_count(joined.last[0].plan).get(metric)


CAUTION = (
    f"A change needs {LEAST_SIDE} runs on each side to be seen. Where nothing changes, one is found in at most 5 % of "
    "series; a machine that drifts is a change too."
)

"""Where a series moved to another level, and which way that is."""

from __future__ import annotations

import math

import numpy as np

from harness.compare.history.gather import Joined
from harness.compare.history.types import Moved, Point, Series
from harness.report.text import plural
from harness.stats.change_points import LEAST, LEAST_SIDE, MOST, change_points


def series_of(joined: Joined, *, direction: str | None, relative: bool) -> Series:
    """The series with its changes of level; costs are looked at by their logarithms.

    Only the newest points are looked at where there are very many.
    """
    points = joined.points
    known = {"cell": joined.cell, "made_with": joined.shares, "points": tuple(points)}
    if len(points) < LEAST:
        return Series(**known, why_no_test=f"{plural(len(points), 'run')}: a change is looked for from {LEAST} on")
    first = max(0, len(points) - MOST)
    values = np.array([point.value for point in points[first:]])
    found = change_points(np.log(values) if relative else values)
    moved = [
        _moved(points, first + one.at, (one.before, one.after), one.p, direction, relative=relative) for one in found
    ]
    notes = [f"only the newest {MOST} runs were looked at"] if first else []
    if len(set(values.tolist())) == 1:
        notes.append("every run gave the same value, to the last digit")
    return Series(**known, moved=tuple(moved), notes=tuple(notes))


def _moved(
    points: list[Point], at: int, means: tuple[float, float], p: float, direction: str | None, *, relative: bool
) -> Moved:
    before, after = (math.exp(mean) if relative else mean for mean in means)
    difference = after / before - 1 if relative else after - before
    better = (difference > 0) == (direction == "higher")
    return Moved(
        at=at,
        run_id=points[at].run_id,
        before=before,
        after=after,
        difference=difference,
        relative=relative,
        verdict="moved" if direction is None else "better" if better else "worse",
        p=p,
    )


CAUTION = (
    f"A change needs {LEAST_SIDE} runs on each side to be seen. Where nothing changes, one is found in at most 5 % of "
    "series; a machine that drifts is a change too."
)

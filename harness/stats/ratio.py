"""What the visits of a timing pass say of two costs: their ratio and their difference, paired by visit.

Calls of one visit share their process and the machine's state, so that a visit counts once, however many its calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

LEVEL = 0.95
_FEW = "{0}: an interval over visits needs two"


@dataclass(frozen=True)
class OverVisits:
    """A number and its interval over ``n`` visits.

    ``low`` and ``high`` are ``None`` together, and ``value`` where no visit has both costs; ``reason`` then says why.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    def covers(self, number: float) -> bool:
        """Whether the interval holds a number; without an interval nothing is held."""
        return self.low is not None and self.high is not None and self.low <= number <= self.high

    def without_interval(self, reason: str) -> OverVisits:
        """The number alone, and why."""
        return replace(self, low=None, high=None, reason=reason)


def mean_over_visits(values: Sequence[float] | NDArray[np.float64], *, level: float = LEVEL) -> OverVisits:
    """The mean with Student's t interval; visits of no spread give an interval of no width.

    Args:
        values: (visits,) one number for each visit.
        level: 0.95 means 95 %.
    """
    found = np.asarray(values, dtype=np.float64)
    if len(found) < 2:
        value = float(found[0]) if len(found) else None
        return OverVisits(value, None, None, len(found), _FEW.format("one visit" if len(found) else "no visit"))
    mean = float(found.mean())
    half = float(stdtrit(len(found) - 1, (1 + level) / 2)) * float(found.std(ddof=1)) / float(np.sqrt(len(found)))
    return OverVisits(mean, mean - half, mean + half, len(found))


def ratio_over_visits(
    above: Mapping[int, Sequence[float]], below: Mapping[int, Sequence[float]], *, level: float = LEVEL
) -> OverVisits:
    """The ratio of two costs: the geometric mean over visits of the ratio of each visit's geometric means.

    Args:
        above: visit → its calls' costs, all above zero.
        below: the same of the other; visits that only one of them has are left out.
        level: 0.95 means 95 %.

    Raises:
        ValueError: a cost that is not above zero.
    """
    common = [visit for visit in above if visit in below]
    logs = [_mean_log(above[visit]) - _mean_log(below[visit]) for visit in common]
    found = mean_over_visits(logs, level=level)
    value, low, high = (None if end is None else float(np.exp(end)) for end in (found.value, found.low, found.high))
    return OverVisits(value, low, high, found.n, found.reason)


def _mean_log(costs: Sequence[float]) -> float:
    if not costs or min(costs) <= 0:
        raise ValueError("a ratio needs costs above zero")
    return float(np.mean(np.log(costs)))

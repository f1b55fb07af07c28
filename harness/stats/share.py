"""The mean of paired differences between shares of yes and no: no disagreement seen is no proof that there is none.

A bootstrap of differences that are mostly zero knows no spread, and calls 32 equal pairs proof of anything. Two things
keep it honest: one imagined pair is added to each kind of disagreement before the spread is taken, and no claim that
the mean is beyond a threshold is believed more than the binomial chance of so few (or so many) disagreements at it.

Source: D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of binomial proportions based
on paired data, J. Educ. Behav. Stat. 37 (2012), for the imagined pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, stdtr, stdtrit

Vector = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ShareDifference:
    """A mean of ``n`` differences in [-1, 1], with the same questions answered as by ``bootstrap.Studentized``."""

    mean: float
    sd: float
    se: float
    n: int

    @property
    def method(self) -> str:
        """How the interval is made, for tables."""
        return "adjusted Wald interval of a paired share"

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval of that level."""
        half = float(stdtrit(self.n - 1, 1 - (1 - level) / 2)) * self.se
        return max(self.mean - half, -1.0), min(self.mean + half, 1.0)

    def p_below(self, threshold: float) -> float:
        """One-sided p of "the true mean is below ``threshold``"."""
        return max(self._t_below(threshold), self._chance_below(threshold))

    def p_above(self, threshold: float) -> float:
        """One-sided p of "the true mean is above ``threshold``"."""
        turned = ShareDifference(-self.mean, self.sd, self.se, self.n)
        return turned.p_below(-threshold)

    def _t_below(self, threshold: float) -> float:
        return float(stdtr(self.n - 1, -(threshold - self.mean) / self.se))

    def _chance_below(self, threshold: float) -> float:
        """Chance of a sum this small if ``threshold`` were the mean and all disagreements lay on its side."""
        total = self.mean * self.n
        if threshold >= 0:
            return float(bdtr(floor(max(total, 0.0) + _ROUNDING), self.n, min(threshold, 1.0)))
        fewest = ceil(max(-total, 0.0) - _ROUNDING)
        return 1.0 if fewest == 0 else float(bdtrc(fewest - 1, self.n, min(-threshold, 1.0)))


def share_difference(values: Vector) -> ShareDifference:
    """Summarise paired differences of shares.

    Args:
        values: (n,) one for each prompt, in [-1, 1], n >= 2: the mean over its seeds of (cell - reference) or its
            negative.

    Raises:
        ValueError: fewer than two values, or one out of range.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not (np.abs(values) <= 1 + _ROUNDING).all():
        raise ValueError("differences of shares are at least two numbers from -1 to 1")
    n, total = len(values), float(values.sum())
    sd = float(np.sqrt((float((values**2).sum()) + 2) / (n + 2) - (total / (n + 2)) ** 2))
    return ShareDifference(mean=total / n, sd=sd, se=sd / float(np.sqrt(n)), n=n)

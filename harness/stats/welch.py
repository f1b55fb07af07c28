"""The difference of two means that were measured apart: nothing pairs them, and each side has a spread of its own.

Source: B. L. Welch, The generalization of "Student's" problem when several different population variances are involved,
Biometrika 34 (1947); degrees of freedom as F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class WelchDifference:
    """A difference of means, with the same questions answered as by ``bootstrap.Studentized``.

    ``sd``: what stands for the spread of one unit's difference, the root of both variances' sum. ``n``: the units of
    the smaller side. ``degrees``: of freedom.
    """

    mean: float
    sd: float
    se: float
    n: int
    degrees: float

    @property
    def method(self) -> str:
        """How the interval is made, for tables."""
        return "Welch t, unpaired,"

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval of that level."""
        half = float(stdtrit(self.degrees, (1 + level) / 2)) * self.se if self.se > 0 else 0.0
        return self.mean - half, self.mean + half

    def p_above(self, threshold: float) -> float:
        """One-sided p of "the true difference is above ``threshold``"."""
        return self._p(self.mean - threshold)

    def p_below(self, threshold: float) -> float:
        """One-sided p of "the true difference is below ``threshold``"."""
        return self._p(threshold - self.mean)

    def _p(self, gap: float) -> float:
        if self.se == 0:  # no spread: what is seen is all there is to know
            return 0.0 if gap > 0 else 1.0
        return float(stdtr(self.degrees, -gap / self.se))


def welch_difference(cell: Vector, reference: Vector) -> WelchDifference:
    """The mean of ``cell`` (n,) minus that of ``reference`` (m,).

    Raises:
        ValueError: a side with fewer than two values, or one that is not finite.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (cell, reference)]
    if any(side.ndim != 1 or len(side) < 2 or not np.isfinite(side).all() for side in sides):
        raise ValueError("an unpaired difference needs at least two values on each side, all finite")
    variances = [float(side.var(ddof=1)) for side in sides]
    parts = [variance / len(side) for variance, side in zip(variances, sides, strict=True)]
    squares = sum(part**2 / (len(side) - 1) for part, side in zip(parts, sides, strict=True))
    return WelchDifference(
        mean=float(sides[0].mean() - sides[1].mean()),
        sd=float(np.sqrt(sum(variances))),
        se=float(np.sqrt(sum(parts))),
        n=min(map(len, sides)),
        degrees=sum(parts) ** 2 / squares if squares > 0 else float(sum(map(len, sides)) - 2),
    )

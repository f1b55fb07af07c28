"""The studentized bootstrap of a mean: one resampling serves the interval and every one-sided test.

Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), section 12.5 ("bootstrap-t").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Vector = NDArray[np.float64]

RESAMPLES = 9999
_CHUNK = 2_000_000  # resampled numbers held at a time
_LEAST_BOOTSTRAP = 4  # below, so many resamples repeat a single prompt that their quantiles are infinite


@dataclass(frozen=True)
class Studentized:
    """A mean and what is known of its error.

    ``t``: sorted resampled ``(mean* - mean) / se*``; ``None``: too few values or too many ties for a bootstrap, so
    Student's t distribution stands in. ``se`` is 0 when every value is the same.
    """

    mean: float
    sd: float
    se: float
    n: int
    t: Vector | None

    @property
    def method(self) -> str:
        """How the interval is made, for tables."""
        return "studentized bootstrap" if self.t is not None else "Student t"

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval of that level: its ends are the one-sided limits of ``(1 - level) / 2`` each."""
        tail = (1 - level) / 2
        if self.t is None:
            half = float(stdtrit(self.n - 1, 1 - tail)) * self.se
            return self.mean - half, self.mean + half
        low, high = np.quantile(self.t, [tail, 1 - tail])
        return self.mean - float(high) * self.se, self.mean - float(low) * self.se

    def p_above(self, threshold: float) -> float:
        """One-sided p of "the true mean is above ``threshold``" (the null: it is at or below)."""
        return self._p_upper((self.mean - threshold), sign=1)

    def p_below(self, threshold: float) -> float:
        """One-sided p of "the true mean is below ``threshold``" (the null: it is at or above)."""
        return self._p_upper((threshold - self.mean), sign=-1)

    def _p_upper(self, gap: float, sign: int) -> float:
        if self.se == 0:  # no spread: what is seen is all there is to know, and resampling could only see it again
            return 0.0 if gap > 0 else 1.0
        t = gap / self.se
        if self.t is None:
            return float(stdtr(self.n - 1, -t))
        if sign > 0:
            beyond = len(self.t) - int(np.searchsorted(self.t, t, side="left"))
        else:
            beyond = int(np.searchsorted(self.t, -t, side="right"))
        return (beyond + 1) / (len(self.t) + 1)


def studentize(values: Vector, *, seed: int, resamples: int = RESAMPLES) -> Studentized:
    """Resample a mean. The same values and seed always give the same result.

    Args:
        values: (n,) one number for each prompt, n >= 2.
        seed: of the resampling.
        resamples: how many.

    Raises:
        ValueError: fewer than two values, or one that is not finite.
    """
    plain = student(values)
    resampled = plain.sd > 0 and plain.n >= _LEAST_BOOTSTRAP
    return replace(plain, t=_resample(np.asarray(values) - plain.mean, seed, resamples)) if resampled else plain


def student(values: Vector) -> Studentized:
    """The same without resampling, by Student's t: of a few numbers that are means themselves, such as visits.

    Raises:
        ValueError: fewer than two values, or one that is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("a bootstrap needs at least two values, all finite")
    n, mean = len(values), float(values.mean())
    # Rounding leaves a spread of about 1e-16 in equal numbers: that is none.
    sd = float(values.std(ddof=1)) if np.ptp(values) > 1e-12 * max(1.0, abs(mean)) else 0.0
    return Studentized(mean=mean, sd=sd, se=sd / float(np.sqrt(n)), n=n, t=None)


def _resample(centred: Vector, seed: int, resamples: int) -> Vector | None:
    """Sorted t of each resample of ``centred`` (n,), or ``None`` when ties leave many resamples without spread."""
    rng, n = np.random.default_rng(seed), len(centred)
    rows = max(1, _CHUNK // n)
    parts = [_t_of(centred[rng.integers(0, n, (min(rows, resamples - at), n))]) for at in range(0, resamples, rows)]
    t = np.sort(np.concatenate(parts))
    return t if np.mean(~np.isfinite(t)) < 0.02 else None


def _t_of(sample: Vector) -> Vector:
    """Each row's mean over its standard error; a row without spread counts as infinitely far out, not as absent."""
    mean = sample.mean(axis=1)
    se = sample.std(axis=1, ddof=1) / np.sqrt(sample.shape[1])
    flat = se <= 1e-12 * np.abs(sample).max()
    return np.where(flat, np.where(mean == 0, 0.0, np.copysign(np.inf, mean)), mean / np.where(flat, 1.0, se))

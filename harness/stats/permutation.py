"""The sign-flip test of paired differences: printed as evidence, it never decides a verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

EXACT_UP_TO = 16
FLIPS = 9999
_CHUNK = 2_000_000


def sign_flip_p(differences: Vector, *, seed: int = 0) -> float:
    """Two-sided p of "the differences are symmetric about zero".

    Args:
        differences: (n,) one for each prompt. Exact (all 2^n flips) up to 16, sampled beyond.
        seed: of the sampled flips.

    Raises:
        ValueError: no differences.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError("a sign-flip test needs at least one difference")
    # Sums that are equal in exact arithmetic must count as equal.
    observed = abs(values.sum()) - 1e-12 * np.abs(values).sum()
    if len(values) <= EXACT_UP_TO:
        return float(np.mean(np.abs(_all_flips(values)) >= observed))
    return (_sampled_extremes(values, observed, seed) + 1) / (FLIPS + 1)


def _all_flips(values: Vector) -> Vector:
    """The (2^n,) sums under every choice of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _sampled_extremes(values: Vector, observed: float, seed: int) -> int:
    rng, n = np.random.default_rng(seed), len(values)
    rows, extremes = max(1, _CHUNK // n), 0
    for at in range(0, FLIPS, rows):
        signs = 2.0 * rng.integers(0, 2, (min(rows, FLIPS - at), n)) - 1.0
        extremes += int(np.sum(np.abs(signs @ values) >= observed))
    return extremes

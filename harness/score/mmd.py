"""Squared maximum mean discrepancy (MMD²) of two sets, unbiased: it may be negative, and is 0 on average for one thing.

``mean of k(x, x') + mean of k(y, y') - 2 · mean of k(x, y)``, a vector never with itself (A. Gretton et al., A kernel
two-sample test, JMLR 2012, equation 3). Over all samples, in double precision, a chunk of rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kernel = Callable[[Array, Array], Array]  # (n, d) and (m, d) -> (n, m)
_CHUNK = 1024


@dataclass(frozen=True)
class Mmd:
    """The kernel sums of pictures ``x`` (n, d) against a reference, so that MMD² without some of them costs little.

    ``own`` (n,): each one's sum over the others; ``across`` (n,): its mean over the reference; ``within``: the
    reference's own mean.
    """

    x: Array
    kernel: Kernel
    own: Array
    across: Array
    within: float

    def at(self, kept: NDArray[np.intp]) -> float:
        """MMD² of the rows ``kept`` (sorted, at least two) against the reference."""
        rows = np.zeros(len(self.x), dtype=bool)
        rows[kept] = True
        gone, count = self.x[~rows], len(kept)
        lost = own_sums(gone, self.kernel).sum() if len(gone) else 0.0
        total = self.own.sum() - 2.0 * self.own[~rows].sum() + lost
        return float(total / (count * (count - 1)) + self.within - 2.0 * self.across[rows].mean())


def mmd(x: NDArray[np.floating], y: NDArray[np.floating], kernel: Kernel, within: float | None = None) -> Mmd:
    """Sums of ``x`` (n, d) against the reference ``y`` (m, d), each of at least two.

    Args:
        within: the reference's own mean, where it is known from before (:func:`mean_within`).
    """
    one, other = as_doubles(x), as_doubles(y)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"features of {one.shape[1]} and {other.shape[1]} dimensions cannot be compared")
    chunks = range(0, len(one), _CHUNK)
    across = np.concatenate([kernel(one[i : i + _CHUNK], other).mean(axis=1) for i in chunks])
    return Mmd(one, kernel, own_sums(one, kernel), across, mean_within(other, kernel) if within is None else within)


def mmd_squared(x: NDArray[np.floating], y: NDArray[np.floating], kernel: Kernel) -> float:
    """MMD² of two sets of features (n, d) and (m, d)."""
    return mmd(x, y, kernel).at(np.arange(len(x), dtype=np.intp))


def own_sums(x: Array, kernel: Kernel) -> Array:
    """(n,): the sum of each vector's kernel with all the others."""
    sums = np.empty(len(x))
    for i in range(0, len(x), _CHUNK):
        block = kernel(x[i : i + _CHUNK], x)
        block[np.arange(len(block)), np.arange(i, i + len(block))] = 0.0
        sums[i : i + _CHUNK] = block.sum(axis=1)
    return sums


def mean_within(y: NDArray[np.floating], kernel: Kernel) -> float:
    """The mean kernel of two different vectors of a set (m, d)."""
    values = as_doubles(y)
    return float(own_sums(values, kernel).sum() / (len(values) * (len(values) - 1)))


def as_doubles(features: NDArray[np.floating]) -> Array:
    """(n, d) in double precision.

    Raises:
        ValueError: fewer than two vectors, or values that are not finite.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"a distance of sets needs at least two feature vectors, got an array of {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("features hold values that are not finite numbers")
    return values

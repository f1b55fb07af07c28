"""Fréchet distance between two sets of features, each taken as a normal distribution. Pure numpy.

``|m1 - m2|² + tr S1 + tr S2 - 2 tr sqrt(S1·S2)`` (D. Dowson and B. Landau, 1982; M. Heusel et al., NeurIPS 2017, who
call it FID when the features are Inception's). The last term needs no matrix square root of an asymmetric product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Mean (d,) and unbiased covariance (d, d) of ``n`` feature vectors."""

    mean: Array
    covariance: Array
    n: int

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.mean)

    @property
    def rank_deficient(self) -> bool:
        """Too few samples for a covariance of full rank: the distance is biased upwards and hardly comparable."""
        return self.n <= self.dimension


def least_sample(dimension: int) -> int:
    """The least n that a Fréchet distance may be reported from: twice the dimension.

    From ``d + 1`` on the sample covariance has full rank; at ``2 d`` its smallest eigenvalues are no longer near zero
    (Marchenko-Pastur: ``(1 - sqrt(1/2))²`` of the true ones). What bias is left, the floor between real halves tells.
    """
    return 2 * dimension


def statistics_of(features: NDArray[np.floating]) -> Statistics:
    """Statistics of features (n, d), n ≥ 2.

    Raises:
        ValueError: fewer than two vectors, or values that are not finite.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"a covariance needs at least two feature vectors, got an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("features hold values that are not finite numbers")
    return Statistics(values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)), len(values))


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """The distance from statistics: the d × d form, ``tr sqrt(S1·S2) = Σ sqrt(eig(Lᵀ·S2·L))`` with ``S1 = L·Lᵀ``."""
    if a.dimension != b.dimension:
        raise ValueError(f"features of {a.dimension} and {b.dimension} dimensions cannot be compared")
    root = _root(a.covariance)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root.T @ b.covariance @ root), 0.0, None)).sum()
    return _distance(a, b, float(cross))


def frechet_from_features(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The distance from features (n, d) and (m, d), by whichever form is smaller.

    With fewer samples than dimensions: ``tr sqrt(S1·S2)`` is the nuclear norm of ``A1·A2ᵀ``, centred features over
    ``sqrt(n - 1)``, which never builds a d × d matrix product and is right for a rank-deficient covariance.
    """
    a, b = statistics_of(x), statistics_of(y)
    if min(a.n, b.n) >= a.dimension:
        return frechet_distance(a, b)
    return _distance(a, b, float(np.linalg.svd(_scaled(x, a) @ _scaled(y, b).T, compute_uv=False).sum()))


def _distance(a: Statistics, b: Statistics, cross: float) -> float:
    shift = a.mean - b.mean
    total = float(shift @ shift) + float(np.trace(a.covariance)) + float(np.trace(b.covariance)) - 2.0 * cross
    return max(total, 0.0)  # rounding may leave -1e-13 of two equal sets


def _root(covariance: Array) -> Array:
    """Some ``L`` with ``L·Lᵀ = covariance``: Cholesky's, or by eigenvalues where the covariance is singular."""
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)), dtype=np.float64)


def _scaled(features: NDArray[np.floating], known: Statistics) -> Array:
    scaled: Array = (np.asarray(features, dtype=np.float64) - known.mean) / np.sqrt(known.n - 1)
    return scaled

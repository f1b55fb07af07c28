"""Fréchet distance between two sets of features, each taken as a normal distribution. numpy and scipy.

``|m1 - m2|² + tr S1 + tr S2 - 2 tr sqrt(S1·S2)`` (D. Dowson and B. Landau, 1982; M. Heusel et al., NeurIPS 2017, who
call it FID when the features are Inception's). The last term needs no matrix square root of an asymmetric product: it
is ``Σ sqrt(eig(Lᵀ·S2·L))`` with ``S1 = L·Lᵀ``, of a symmetric matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.score.mmd import as_doubles

#: Prompts from which a distance on many dimensions is shown as a diagnostic, and from which it may be compared.
DIAGNOSTIC, COMPARABLE = 1_000, 5_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Mean (d,) and unbiased covariance (d, d) of ``n`` feature vectors; ``n`` is ``None`` where it is not known."""

    mean: Array
    covariance: Array
    n: int | None

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.mean)

    @property
    def rank_deficient(self) -> bool:
        """Too few samples for a covariance of full rank: the distance is biased upwards and hardly comparable."""
        return self.n is not None and self.n <= self.dimension


def least_sample(dimension: int) -> int:
    """The least n that a Fréchet distance may be reported from: twice the dimension, and no more than 1,000.

    From ``d + 1`` on the sample covariance has full rank; at ``2 d`` its smallest eigenvalues are no longer near zero
    (Marchenko-Pastur: ``(1 - sqrt(1/2))²`` of the true ones). What bias is left, the floor between real halves tells.
    On Inception's 2,048 dimensions the field looks from 1,000 on, as a diagnostic.
    """
    return min(2 * dimension, DIAGNOSTIC)


def comparable_sample(dimension: int) -> int:
    """The n that a Fréchet distance may be compared from; below it, it is a diagnostic."""
    return 2 * dimension if 2 * dimension <= DIAGNOSTIC else COMPARABLE


def statistics_of(features: NDArray[np.floating]) -> Statistics:
    """Statistics of features (n, d), n ≥ 2.

    Raises:
        ValueError: fewer than two vectors, or values that are not finite.
    """
    values = as_doubles(features)
    return Statistics(values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)), len(values))


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """The distance from statistics: the d × d form, by whichever covariance has a Cholesky root.

    Where neither has, the first one's root comes from its eigenvalues.
    """
    _same_dimension(a.dimension, b.dimension)
    cross = _cross(a.covariance, b.covariance)
    if cross is None:
        cross = _cross(b.covariance, a.covariance)
    if cross is None:
        root = _root(a.covariance)
        cross = _root_sum(root.T @ b.covariance @ root)
    return _distance(a, b, cross)


def frechet_from_features(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The distance from features (n, d) and (m, d), by whichever form is smaller.

    With fewer samples than dimensions: ``tr sqrt(S1·S2)`` is the nuclear norm of ``A1·A2ᵀ``, centred features over
    ``sqrt(n - 1)``, which never builds a d × d matrix product and is right for a rank-deficient covariance.
    """
    a, b = statistics_of(x), statistics_of(y)
    if min(len(x), len(y)) >= a.dimension:
        return frechet_distance(a, b)
    return _distance(a, b, float(np.linalg.svd(_scaled(x, a) @ _scaled(y, b).T, compute_uv=False).sum()))


def frechet_to(x: NDArray[np.floating], known: Statistics) -> float:
    """The distance from features (n, d) to statistics: with n < d by the n × n matrix ``A1·S2·A1ᵀ``."""
    a = statistics_of(x)
    if len(x) >= a.dimension:
        return frechet_distance(a, known)
    _same_dimension(a.dimension, known.dimension)
    scaled = _scaled(x, a)
    return _distance(a, known, _root_sum(scaled @ known.covariance @ scaled.T))


def _same_dimension(one: int, other: int) -> None:
    if one != other:
        raise ValueError(f"features of {one} and {other} dimensions cannot be compared")


def _distance(a: Statistics, b: Statistics, cross: float) -> float:
    shift = a.mean - b.mean
    total = float(shift @ shift) + float(np.trace(a.covariance)) + float(np.trace(b.covariance)) - 2.0 * cross
    return max(total, 0.0)  # rounding may leave -1e-13 of two equal sets


def _cross(one: Array, other: Array) -> float | None:
    """``Σ sqrt(eig(Lᵀ·other·L))`` with ``one = L·Lᵀ``; ``None`` if it has no such root.

    The product is made in place and one half of it only (LAPACK's ``sygst``): two matrix products would take longer
    than the root itself.
    """
    from scipy.linalg import lapack  # here: who only plans or looks at a machine does without scipy

    root, fault = lapack.dpotrf(one, lower=1, clean=0)
    if fault:
        return None
    product, _ = lapack.dsygst(np.array(other, order="F"), root, itype=2, lower=1, overwrite_a=1)
    return _root_sum(product)


def _root_sum(symmetric: Array) -> float:
    """Sum of the square roots of the eigenvalues, those below zero by rounding left out; the matrix is spoilt."""
    from scipy.linalg import eigh

    values = eigh(symmetric, lower=True, eigvals_only=True, driver="evr", overwrite_a=True, check_finite=False)
    return float(np.sqrt(np.clip(values, 0.0, None)).sum())


def _root(covariance: Array) -> Array:
    """Some ``L`` with ``L·Lᵀ = covariance``, by eigenvalues: right where the covariance is singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)), dtype=np.float64)


def _scaled(features: NDArray[np.floating], known: Statistics) -> Array:
    scaled: Array = (np.asarray(features, dtype=np.float64) - known.mean) / np.sqrt(len(features) - 1)
    return scaled

"""Precision and recall, density and coverage: which pictures lie where those of a reference set lie. Pure numpy.

Around each vector is a ball that reaches to its k-th nearest neighbour in its own set. *Precision* is the share of
pictures in some ball of the reference, *recall* the share of the reference in some ball of the pictures (improved
precision and recall, k = 3: T. Kynkäänniemi et al., NeurIPS 2019; as in torch-fidelity). *Density* is how many of the
reference's balls a picture lies in, over k, and may be more than 1; *coverage* the share of the reference's balls with
a picture in them (k = 5: M. Naeem et al., ICML 2020; as in their ``prdc``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.score.mmd import Array, as_doubles

NEAREST_PR, NEAREST_DC = 3, 5
_CHUNK = 1024
_ROUNDING = 1e-13  # of the squared lengths: two equal vectors are no farther apart


def squared_distances(x: Array, y: Array) -> Array:
    """(n, d) and (m, d) -> (n, m); exactly 0 for equal vectors."""
    lengths = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("md,md->m", y, y)[None]
    distances: Array = lengths - 2.0 * (x @ y.T)
    distances[distances <= _ROUNDING * lengths] = 0.0
    return distances


def radii(x: NDArray[np.floating], nearest: int) -> Array:
    """(n,): squared distance of each vector to its ``nearest``-th neighbour in its own set.

    Raises:
        ValueError: the set is too small for that, or not finite.
    """
    values = as_doubles(x)
    if len(values) <= nearest:
        raise ValueError(f"the {nearest} nearest neighbours of {len(values)} feature vectors")
    return np.concatenate([np.partition(block, nearest, axis=1)[:, nearest] for block in _blocks(values, values)])


def _blocks(x: Array, y: Array) -> Iterator[Array]:
    yield from (squared_distances(x[i : i + _CHUNK], y) for i in range(0, len(x), _CHUNK))


def inside(x: NDArray[np.floating], y: NDArray[np.floating], reach: Array) -> NDArray[np.bool_]:
    """(n,): whether each of (n, d) lies in some ball of (m, d), whose squared radii are (m,); its border is inside."""
    pairs = _blocks(as_doubles(x), as_doubles(y))
    return np.concatenate([(block <= reach).any(axis=1) for block in pairs])


def how_many(x: NDArray[np.floating], y: NDArray[np.floating], reach: Array) -> NDArray[np.int64]:
    """(n,): in how many balls of (m, d) each of (n, d) lies, borders left out."""
    pairs = _blocks(as_doubles(x), as_doubles(y))
    return np.concatenate([(block < reach).sum(axis=1) for block in pairs])


def reached(x: NDArray[np.floating], y: NDArray[np.floating], reach: Array) -> NDArray[np.bool_]:
    """(n, m): whether each of (n, d) lies in each ball of (m, d), borders left out."""
    pairs = _blocks(as_doubles(x), as_doubles(y))
    return np.concatenate([block < reach for block in pairs])


def precision(x: NDArray[np.floating], y: NDArray[np.floating], nearest: int = NEAREST_PR) -> float:
    """Of pictures (n, d) against a reference (m, d)."""
    return float(inside(x, y, radii(y, nearest)).mean())


def recall(x: NDArray[np.floating], y: NDArray[np.floating], nearest: int = NEAREST_PR) -> float:
    """Of pictures (n, d) against a reference (m, d)."""
    return float(inside(y, x, radii(x, nearest)).mean())


def density(x: NDArray[np.floating], y: NDArray[np.floating], nearest: int = NEAREST_DC) -> float:
    """Of pictures (n, d) against a reference (m, d)."""
    return float(how_many(x, y, radii(y, nearest)).mean() / nearest)


def coverage(x: NDArray[np.floating], y: NDArray[np.floating], nearest: int = NEAREST_DC) -> float:
    """Of pictures (n, d) against a reference (m, d)."""
    return float(reached(x, y, radii(y, nearest)).any(axis=0).mean())


class Recall:
    """Recall with all distances at hand, so that leaving pictures out costs no new ones: ``n·(n + m)`` numbers."""

    def __init__(self, x: NDArray[np.floating], y: NDArray[np.floating], nearest: int = NEAREST_PR) -> None:
        one, other = as_doubles(x), as_doubles(y)
        self._own, self._across, self._nearest = squared_distances(one, one), squared_distances(one, other), nearest

    def at(self, kept: NDArray[np.intp]) -> float:
        """Recall by the rows ``kept`` alone."""
        if len(kept) <= self._nearest:
            raise ValueError(f"the {self._nearest} nearest neighbours of {len(kept)} feature vectors")
        reach = np.partition(self._own[np.ix_(kept, kept)], self._nearest, axis=1)[:, self._nearest]
        return float((self._across[kept] <= reach[:, None]).any(axis=0).mean())

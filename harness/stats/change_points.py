"""Where a series of results changed its level, with few false alarms.

E-divisive means: the split whose two sides lie furthest apart in energy distance, kept if fewer than one in twenty
shufflings of the series have one as good; then again within the parts.

Source: D. S. Matteson and N. A. James, A nonparametric approach for multiple change point analysis of multivariate
data, JASA 109 (2014); for regressions of software: D. Daly et al., The use of change point detection to identify
software performance regressions in a continuous integration system, ICPE 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

LEAST = 8  # of fewer, too few shufflings differ for any split to be under 5 %
LEAST_SIDE = 2  # one odd value is no level
ALPHA = 0.05
SHUFFLES = 999
MOST = 400  # values; distances grow with the square
_CHUNK = 500_000  # distances held at a time


@dataclass(frozen=True)
class ChangePoint:
    """``at``: the first value of the new level. Means are of the whole levels before and after it."""

    at: int
    before: float
    after: float
    p: float


def change_points(
    values: Sequence[float] | Vector, *, seed: int = 0, alpha: float = ALPHA, shuffles: int = SHUFFLES
) -> list[ChangePoint]:
    """The change points of a series, in order.

    Where nothing changes and the order means nothing, one is found in at most ``alpha`` of series. A drift, or noise
    that remembers, is no such series.

    Args:
        values: (n,) in the order of time; of fewer than ``LEAST`` none is ever found.
        seed: of the shufflings.
        alpha: how often a change may be found where there is none.
        shuffles: how many.

    Raises:
        ValueError: a value that is not finite, or more than ``MOST``.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not np.isfinite(series).all() or len(series) > MOST:
        raise ValueError(f"a series is at most {MOST} finite numbers")
    if len(series) < LEAST:
        return []
    rng = np.random.default_rng(seed)
    distances = np.abs(series[:, None] - series[None, :])
    found: dict[int, float] = {}
    while True:
        parts = _parts(len(series), found)
        best, at = max((_best_split(distances[low:high, low:high], low) for low, high in parts), default=(0.0, 0))
        if best <= 0:
            break
        p = _p(distances, parts, best, rng, shuffles, alpha)
        if p is None:
            break
        found[at] = p
    return _described(series, found)


def _parts(n: int, found: dict[int, float]) -> list[tuple[int, int]]:
    """The levels so far that are long enough to be split."""
    ends = [0, *sorted(found), n]
    return [(low, high) for low, high in pairwise(ends) if high - low >= 2 * LEAST_SIDE]


def _best_split(distances: Matrix, offset: int) -> tuple[float, int]:
    """The largest scaled energy distance of two sides of a part, and the first place of the right one."""
    scaled = energy_splits(distances[None])[0]
    place = int(np.argmax(scaled))
    return float(scaled[place]), offset + LEAST_SIDE + place


def energy_splits(distances: Matrix) -> Matrix:
    """``(series, n, n)`` distances -> ``(series, splits)``: ``mn / (m + n)`` times the energy distance of each."""
    n = distances.shape[1]
    left = np.arange(LEAST_SIDE, n - LEAST_SIDE + 1)
    right = n - left
    rows = distances.cumsum(axis=1)
    within_left = rows.cumsum(axis=2)[:, left - 1, left - 1]
    from_left, whole = rows.sum(axis=2)[:, left - 1], distances.sum(axis=(1, 2))[:, None]
    across = from_left - within_left
    within_right = whole - within_left - 2 * across
    energy = 2 * across / (left * right) - within_left / (left * (left - 1)) - within_right / (right * (right - 1))
    return np.asarray(left * right / n * energy, dtype=np.float64)


def _p(
    distances: Matrix, parts: list[tuple[int, int]], best: float, rng: np.random.Generator, shuffles: int, alpha: float
) -> float | None:
    """Of shufflings within the parts, the share with a split as good, what was seen counting as one; ``None``: many."""
    as_good, most = 1, alpha * (1 + shuffles)
    at_once = max(1, min(100, _CHUNK // max((high - low) ** 2 for low, high in parts)))
    for done in range(0, shuffles, at_once):
        count = min(at_once, shuffles - done)
        good = np.zeros(count, dtype=bool)
        for low, high in parts:
            order = rng.permuted(np.tile(np.arange(low, high), (count, 1)), axis=1)
            shuffled = distances[order[:, :, None], order[:, None, :]]
            good |= energy_splits(shuffled).max(axis=1) >= best * (1 - 1e-12)
        as_good += int(good.sum())
        if as_good > most:
            return None
    return as_good / (1 + shuffles)


def _described(series: Vector, found: dict[int, float]) -> list[ChangePoint]:
    ends = [0, *sorted(found), len(series)]
    means = [float(series[low:high].mean()) for low, high in pairwise(ends)]
    return [
        ChangePoint(at, before, after, found[at])
        for at, before, after in zip(sorted(found), means[:-1], means[1:], strict=True)
    ]

"""Intervals: of a mean over prompts, of a median of latencies, and of a statistic of a whole set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri, stdtrit

from harness.stats.bootstrap import RESAMPLES, Studentized, studentize
from harness.stats.pairing import average_by_cluster, cluster_index
from harness.stats.power import LEAST

Vector = NDArray[np.float64]

#: Prompts below which a mean stands alone: resampling four numbers makes intervals that reach past what a score can be.
LEAST_PROMPTS = LEAST["prompt"]


@dataclass(frozen=True)
class Estimate:
    """A number and its interval.

    ``low`` and ``high`` are ``None`` together when no interval can be made, and ``value`` when there is nothing to
    summarise; ``reason`` then says why. ``n`` counts values, ``n_clusters`` the independent ones (prompts).
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    n_clusters: int
    reason: str | None = None


def mean_interval(
    values: Sequence[float] | Vector,
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    seed: int = 0,
    share: bool = False,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean over prompts, with the studentized bootstrap's interval; fewer than six prompts have none.

    A share of yes and no keeps Wilson's interval from two prompts on: it holds at any number, and is as wide as so few
    leave it.

    Args:
        values: (n,) one for each image; all finite.
        clusters: (n,) the prompt of each; a prompt's values are averaged first.
        level: 0.95 means 95 %.
        seed: of the resampling.
        share: the values are yes (1) or no (0). When each prompt is all yes or all no, the interval is Wilson's,
            which has a width even when all prompts agree.
        resamples: how many.
    """
    _, means = average_by_cluster(values, clusters)
    n, prompts = len(clusters), len(means)
    if prompts < 2:
        value = float(means[0]) if prompts else None
        reason = f"{prompts} prompt{'s' * (prompts != 1)}: an interval of a mean needs {LEAST_PROMPTS}"
        return _without(value, level, n, prompts, reason)
    if share and np.isin(means, (0.0, 1.0)).all():
        return _wilson(means, level, n)
    return _of_mean(studentize(means, seed=seed, resamples=resamples), level, n)


def _of_mean(mean: Studentized, level: float, n: int) -> Estimate:
    if mean.n < LEAST_PROMPTS:
        reason = f"{mean.n} prompts: an interval of a mean needs {LEAST_PROMPTS}"
        return _without(mean.mean, level, n, mean.n, reason)
    if mean.se == 0:
        return _without(mean.mean, level, n, mean.n, "every prompt gave the same value: nothing to make an interval of")
    low, high = mean.interval(level)
    return Estimate(mean.mean, low, high, level, f"{mean.method} over prompts", n, mean.n)


def _without(value: float | None, level: float, n: int, clusters: int, reason: str) -> Estimate:
    return Estimate(value, None, None, level, "none", n, clusters, reason)


def _wilson(means: Vector, level: float, n: int) -> Estimate:
    """The score interval of a share (E. B. Wilson, JASA 22, 1927)."""
    prompts, share, z = len(means), float(means.mean()), float(ndtri((1 + level) / 2))
    centre = (share + z**2 / (2 * prompts)) / (1 + z**2 / prompts)
    half = z * np.sqrt(share * (1 - share) / prompts + z**2 / (4 * prompts**2)) / (1 + z**2 / prompts)
    low = max(0.0, float(centre - half)) if share > 0 else 0.0  # rounding must not put it above the share itself
    high = min(1.0, float(centre + half)) if share < 1 else 1.0
    return Estimate(share, low, high, level, "Wilson score over prompts", n, prompts)


def median_interval(values: Sequence[float] | Vector, *, level: float = 0.95) -> Estimate:
    """The median of repeated timings between two order statistics: exact for any distribution, at least ``level``.

    Args:
        values: (n,) repeats, taken as independent of each other.
        level: 0.95 needs six values, 0.9 five.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if n == 0:
        return _without(None, level, 0, 0, "no values")
    tail = (1 - level) / 2
    # The largest k with P(Binomial(n, 1/2) < k) <= tail: the median lies outside [x_k, x_(n+1-k)] that rarely.
    k = sum(1 for i in range(n // 2) if float(bdtr(float(i), n, 0.5)) <= tail)
    median = float(np.median(ordered))
    if k == 0:
        return _without(median, level, n, n, f"{n} values cannot bound a median at {level:.0%}")
    return Estimate(median, float(ordered[k - 1]), float(ordered[n - k]), level, "order statistics of the median", n, n)


def jackknife_interval(
    statistic: Callable[[NDArray[np.intp]], float],
    clusters: Sequence[Hashable],
    *,
    blocks: int = 20,
    level: float = 0.95,
) -> Estimate:
    """A statistic of the whole set (a Fréchet distance), with a delete-block jackknife over prompts.

    It says how far the statistic *at this n* would move with other prompts; it removes no bias. ``blocks`` calls of
    ``statistic`` are made besides the one for the value.

    Args:
        statistic: kept row indices, sorted, ``(kept,)`` -> the number.
        clusters: (n,) the prompt of each row; all rows of a prompt are deleted together.
        blocks: how many groups of prompts are deleted in turn; fewer prompts, fewer blocks.
        level: 0.95 means 95 %.

    Source: J. Shao and C. F. J. Wu, A general theory for jackknife variance estimation, Ann. Statist. 17 (1989).
    """
    names, index = cluster_index(clusters)
    n, prompts = len(clusters), len(names)
    value = float(statistic(np.arange(n, dtype=np.intp))) if n else None
    g = min(blocks, prompts)
    if g < 3 or value is None:
        return _without(value, level, n, prompts, f"{prompts} prompt{'s' * (prompts != 1)}: a jackknife needs three")
    block_of_row = index % g
    left_out = np.array([statistic(np.flatnonzero(block_of_row != block)) for block in range(g)])
    se = float(np.sqrt((g - 1) / g * np.sum((left_out - left_out.mean()) ** 2)))
    half = float(stdtrit(g - 1, (1 + level) / 2)) * se
    return Estimate(
        value, value - half, value + half, level, f"delete-block jackknife over prompts, {g} blocks", n, prompts
    )

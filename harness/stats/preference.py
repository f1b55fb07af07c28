"""How often one of two is preferred: the rate with its interval, and the sign test, both over prompts.

A vote is 1 for the one asked about, 0 for the other, 0.5 for a tie. A prompt's votes (seeds, voters) are averaged
first.

Source: E. B. Wilson, JASA 22 (1927), for the interval. Ties and averages make the spread over prompts smaller than that
of yes and no, so the interval counts as many prompts as would have that spread: L. Kish, Survey Sampling (1965),
section 8.2. Half an imagined win and half an imagined loss stand beside the prompts while the spread is taken, so that
prompts which all agree leave some. For plain wins and losses the interval is Wilson's own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from harness.stats.intervals import LEAST_PROMPTS, Estimate
from harness.stats.pairing import average_by_cluster

Vector = NDArray[np.float64]

_IMAGINED = 0.5


@dataclass(frozen=True)
class SignTest:
    """Prompts on which one was preferred (``wins``), the other (``losses``), or neither (``ties``, left out).

    ``p``: two-sided, exact; ``None``: with so few prompts it could say nothing.
    """

    wins: int
    losses: int
    ties: int
    p: float | None


def preference_rate(votes: Sequence[float] | Vector, clusters: Sequence[Hashable], *, level: float = 0.95) -> Estimate:
    """The mean vote over prompts with its interval.

    Args:
        votes: (n,) from 0 to 1.
        clusters: (n,) the prompt of each.
        level: 0.95 means 95 %.

    Raises:
        ValueError: a vote out of range.
    """
    means = _means(votes, clusters)
    n, prompts = len(clusters), len(means)
    value = float(means.mean()) if prompts else None
    if value is None or prompts < LEAST_PROMPTS:
        few = f"{prompts} prompt{'s' * (prompts != 1)}: no interval is given below {LEAST_PROMPTS}"
        return Estimate(value, None, None, level, "none", n, prompts, few)
    low, high = _wilson(means, level)
    return Estimate(value, low, high, level, "Wilson score over prompts, by their spread", n, prompts)


def _wilson(means: Vector, level: float) -> tuple[float, float]:
    share, z2 = float(means.mean()), float(ndtri((1 + level) / 2)) ** 2
    n = len(means) / _spread_share(means)
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = float(np.sqrt(z2 * share * (1 - share) / n + z2**2 / (4 * n**2))) / (1 + z2 / n)
    low = max(0.0, centre - half) if share > 0 else 0.0  # rounding must not put it above the share itself
    return low, min(1.0, centre + half) if share < 1 else 1.0


def _spread_share(means: Vector) -> float:
    """The variance over prompts as a share of what plain wins and losses of this rate would have."""
    n = len(means) + 2 * _IMAGINED
    rate = (float(means.sum()) + _IMAGINED) / n
    variance = (float((means**2).sum()) + _IMAGINED) / n - rate**2
    return min(1.0, variance / (rate * (1 - rate)))


def sign_test(votes: Sequence[float] | Vector, clusters: Sequence[Hashable]) -> SignTest:
    """Whether prompts lean to one side: each is a win, a loss, or a tie, which is left out (W. J. Dixon and A. M. Mood,
    JASA 41, 1946).

    Raises:
        ValueError: a vote out of range.
    """
    lean = np.sign(np.round(_means(votes, clusters) - 0.5, 9))
    wins, losses, ties = (int(np.sum(lean == side)) for side in (1, -1, 0))
    decided = wins + losses
    enough = len(lean) >= LEAST_PROMPTS
    p = min(1.0, 2 * float(bdtr(float(min(wins, losses)), decided, 0.5))) if decided else 1.0
    return SignTest(wins, losses, ties, p if enough else None)


def _means(votes: Sequence[float] | Vector, clusters: Sequence[Hashable]) -> Vector:
    values = np.asarray(votes, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a vote is a number from 0 to 1")
    return average_by_cluster(values, clusters)[1]

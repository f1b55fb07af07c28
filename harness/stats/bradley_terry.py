"""Bradley–Terry: how strong each of several contestants is, from who was preferred to whom in pairs.

The chance that ``i`` is preferred to ``j`` is ``1 / (1 + exp(s_j - s_i))``; a tie is half a win for each.

Source: R. A. Bradley and M. E. Terry, Biometrika 39 (1952); the fit is the minorization-maximization of D. R. Hunter,
MM algorithms for generalized Bradley–Terry models, Ann. Statist. 32 (2004), whose assumption 1 says when there is one;
the errors are clustered as in K.-Y. Liang and S. L. Zeger, Biometrika 73 (1986).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, stdtrit

from harness.stats.pairing import cluster_index

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_TOLERANCE = 1e-10
_MOST_STEPS = 100_000


@dataclass(frozen=True)
class Contest:
    """One pair that was judged: contestants by their numbers, and what share of the preference ``first`` had."""

    first: int
    second: int
    share: float  # 1: first was preferred; 0: second; 0.5: a tie
    cluster: Hashable  # the prompt


@dataclass(frozen=True)
class Strength:
    """A contestant's strength in log odds over the average of all; ``low`` and ``high`` are ``None`` together."""

    value: float
    low: float | None
    high: float | None

    @property
    def chance(self) -> float:
        """Of being preferred to a contestant of average strength."""
        return float(expit(self.value))


@dataclass(frozen=True)
class Ranking:
    """The fit; ``strengths`` is ``None`` where there is none, and ``reason`` says why.

    ``apart``: the groups of contestants that make it impossible, best first where an order is known. Without intervals
    ``reason`` says why too.
    """

    strengths: tuple[Strength, ...] | None
    n: int
    n_clusters: int
    level: float
    reason: str | None = None
    apart: tuple[tuple[int, ...], ...] = ()


def bradley_terry(
    contests: Sequence[Contest], contestants: int, *, level: float = 0.95, least_clusters: int = 6
) -> Ranking:
    """Fit all strengths at once; they sum to zero.

    Args:
        contests: every pair that was judged.
        contestants: how many there are, numbered from 0.
        level: 0.95 means 95 %.
        least_clusters: with fewer prompts no interval is made.

    Raises:
        ValueError: a contest of nobody, of one with itself, or with a share that is none.
    """
    _check(contests, contestants)
    clusters = len({contest.cluster for contest in contests})
    wins = _wins(contests, contestants)
    if reason := _impossible(wins):
        return Ranking(None, len(contests), clusters, level, *reason)
    strengths = _fit(wins)
    few = f"{clusters} prompt{'s' * (clusters != 1)}: no interval is given below {least_clusters}"
    reason_few = few if clusters < least_clusters else None
    found = _without_interval(strengths)
    if reason_few is None:
        half = _half_widths(contests, strengths, level)
        found = tuple(Strength(float(s), float(s - h), float(s + h)) for s, h in zip(strengths, half, strict=True))
    return Ranking(found, len(contests), clusters, level, reason_few)


def _without_interval(strengths: Vector) -> tuple[Strength, ...]:
    return tuple(Strength(float(s), None, None) for s in strengths)


def _check(contests: Sequence[Contest], contestants: int) -> None:
    for contest in contests:
        known = 0 <= contest.first < contestants and 0 <= contest.second < contestants
        if not known or contest.first == contest.second or not 0 <= contest.share <= 1:
            raise ValueError(f"{contest} is no contest of two out of {contestants}")


def _wins(contests: Sequence[Contest], contestants: int) -> Matrix:
    """``(contestants, contestants)``: how often the one of the row was preferred to the one of the column."""
    wins = np.zeros((contestants, contestants))
    for contest in contests:
        wins[contest.first, contest.second] += contest.share
        wins[contest.second, contest.first] += 1 - contest.share
    return wins


def _impossible(wins: Matrix) -> tuple[str, tuple[tuple[int, ...], ...]] | None:
    """Why no finite strengths exist, with the groups; ``None``: they do (everybody reaches everybody by wins)."""
    if len(wins) < 2:
        return "a ranking needs two contestants", ()
    count, group = connected_components(wins + wins.T > 0, directed=False)
    if count > 1:
        return "the pairs do not connect all of them: between groups nothing was compared", _groups(group)
    count, group = connected_components(wins > 0, directed=True, connection="strong")
    if count > 1:
        groups = sorted(_groups(group), key=lambda members: -_share_won(wins, members))
        return "some were never once preferred to others: the votes put them apart without bound", tuple(groups)
    return None


def _groups(group: NDArray[np.int32]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i) for i in np.flatnonzero(group == name)) for name in dict.fromkeys(group.tolist()))


def _share_won(wins: Matrix, members: tuple[int, ...]) -> float:
    """Of the contests of a group with the others."""
    inside = np.isin(np.arange(len(wins)), members)
    won, lost = wins[inside][:, ~inside].sum(), wins[~inside][:, inside].sum()
    return float(won / (won + lost)) if won + lost else 0.0


def _fit(wins: Matrix) -> Vector:
    """Log strengths, summing to zero, by Hunter's equation 3: ``won / sum of n_ij / (p_i + p_j)`` until it stands."""
    met, won = wins + wins.T, wins.sum(axis=1)
    log = np.zeros(len(wins))
    for _ in range(_MOST_STEPS):
        p = np.exp(log)
        new = np.log(won / (met / (p[:, None] + p[None, :])).sum(axis=1))
        new -= new.mean()
        moved = float(np.abs(new - log).max())
        log = new
        if moved < _TOLERANCE:
            break
    return log


def _half_widths(contests: Sequence[Contest], strengths: Vector, level: float) -> Vector:
    """Of each strength's interval: Student's t times the error that counts each prompt once."""
    names, index = cluster_index([contest.cluster for contest in contests])
    size = len(strengths)
    scores, information = np.zeros((len(names), size)), np.zeros((size, size))
    for contest, cluster in zip(contests, index, strict=True):
        i, j = contest.first, contest.second
        chance = float(expit(strengths[i] - strengths[j]))
        scores[cluster, i] += contest.share - chance
        scores[cluster, j] -= contest.share - chance
        weight = chance * (1 - chance)
        information[[i, j], [i, j]] += weight
        information[[i, j], [j, i]] -= weight
    bread = np.linalg.pinv(information, hermitian=True)
    of_clusters = scores @ bread
    variance = len(names) / (len(names) - 1) * (of_clusters**2).sum(axis=0)
    return np.asarray(stdtrit(len(names) - 1, (1 + level) / 2) * np.sqrt(variance), dtype=np.float64)

"""Strengths with known answers, the graphs that have none, and how often the intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from harness.stats.bradley_terry import Contest, bradley_terry


def _contests(wins: list[list[int]]) -> list[Contest]:
    return [
        Contest(i, j, 1.0, f"{i}{j}{n}")
        for i, row in enumerate(wins)
        for j, count in enumerate(row)
        for n in range(count)
    ]


def test_two_contestants_have_the_log_odds() -> None:
    found = bradley_terry(_contests([[0, 30], [10, 0]]), 2)
    assert found.strengths is not None
    first, second = found.strengths
    assert first.value - second.value == pytest.approx(np.log(3), abs=1e-8)
    assert first.value == -second.value and first.chance == pytest.approx(expit(np.log(3) / 2))


def test_the_fit_is_the_likelihoods_maximum() -> None:
    wins = np.array([[0, 5, 7, 2], [4, 0, 6, 3], [1, 2, 0, 5], [3, 4, 2, 0]], dtype=float)

    def loss(free: np.ndarray) -> float:
        s = np.concatenate([[0.0], free])
        return float(-(wins * log_expit(s[:, None] - s[None, :])).sum())

    best = np.concatenate([[0.0], minimize(loss, np.zeros(3), tol=1e-12).x])
    found = bradley_terry(_contests(wins.astype(int).tolist()), 4)
    assert found.strengths is not None
    assert [s.value for s in found.strengths] == pytest.approx(best - best.mean(), abs=1e-5)


def test_a_tie_is_half_a_win_for_each() -> None:
    half = bradley_terry([Contest(0, 1, 0.5, 0), Contest(0, 1, 1.0, 1)], 2)
    whole = bradley_terry(_contests([[0, 3], [1, 0]]), 2)
    assert half.strengths is not None and whole.strengths is not None
    assert half.strengths[0].value == pytest.approx(whole.strengths[0].value, abs=1e-8)


def test_what_is_not_connected_has_no_fit() -> None:
    found = bradley_terry([Contest(0, 1, 0.5, 0), Contest(2, 3, 0.5, 0)], 4)
    assert found.strengths is None and found.reason is not None
    assert "do not connect" in found.reason and found.apart == ((0, 1), (2, 3))


def test_what_never_lost_is_told_apart() -> None:
    contests = [Contest(1, 0, 0.5, 0), Contest(2, 0, 1.0, 1), Contest(2, 1, 1.0, 2)]
    found = bradley_terry(contests, 3)
    assert found.strengths is None and found.reason is not None
    assert "never once preferred" in found.reason and found.apart == ((2,), (0, 1))


def test_few_prompts_have_strengths_without_intervals() -> None:
    contests = [Contest(0, 1, share, prompt) for prompt in range(5) for share in (1.0, 0.0, 1.0)]
    found = bradley_terry(contests, 2)
    assert found.strengths is not None and found.strengths[0].low is None
    assert found.reason == "5 prompts: no interval is given below 6"


@pytest.mark.parametrize("bad", [(0, 0, 0.5), (0, 3, 0.5), (0, 1, float("nan")), (0, 1, 2.0)])
def test_a_contest_of_nobody_is_refused(bad: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="no contest"):
        bradley_terry([Contest(*bad, 0)], 2)


def test_intervals_count_each_prompt_once() -> None:
    """Prompts have tastes of their own: intervals that took votes for independent would hold far less often."""
    rng, truth, held = np.random.default_rng(1), np.array([0.6, 0.0, -0.6]), []
    for _ in range(80):
        contests = []
        for prompt in range(24):
            s = truth + rng.normal(0, 1.0, 3)
            for i, j in ((0, 1), (1, 2), (0, 2)):
                contests += [Contest(i, j, float(rng.random() < expit(s[i] - s[j])), prompt) for _ in range(4)]
        found = bradley_terry(contests, 3)
        assert found.strengths is not None
        # the marginal strengths are smaller than the conditional ones: the middle's is zero by symmetry
        middle = found.strengths[1]
        assert middle.low is not None and middle.high is not None
        held.append(middle.low <= 0 <= middle.high)
    assert 0.89 <= np.mean(held) <= 0.99

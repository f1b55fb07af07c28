"""The ratio of two costs over visits: known answers, and how often its interval holds the truth."""

import math

import numpy as np
import pytest

from harness.stats.ratio import mean_over_visits, ratio_over_visits


def test_a_ratio_is_the_geometric_mean_over_visits() -> None:
    found = ratio_over_visits({0: [2.0, 8.0], 1: [3.0]}, {0: [1.0, 4.0], 1: [1.0]})
    assert found.value == pytest.approx(math.sqrt(2 * 3)) and found.n == 2


def test_the_interval_is_students_t_on_logarithms() -> None:
    logs = np.log([1.1, 1.2, 1.3])
    found = ratio_over_visits({v: [math.exp(x)] for v, x in enumerate(logs)}, {v: [1.0] for v in range(3)})
    half = 4.302652729911275 * logs.std(ddof=1) / math.sqrt(3)  # t of two degrees of freedom
    assert found.low == pytest.approx(math.exp(logs.mean() - half))
    assert found.high == pytest.approx(math.exp(logs.mean() + half))


def test_only_visits_that_both_have_are_paired() -> None:
    found = ratio_over_visits({0: [2.0], 1: [2.0], 2: [9.0]}, {0: [1.0], 1: [1.0], 3: [7.0]})
    assert (found.value, found.n) == (pytest.approx(2.0), 2)


@pytest.mark.parametrize(("visits", "why"), [({0: [1.0]}, "one visit"), ({}, "no visit")])
def test_fewer_than_two_visits_have_no_interval(visits, why) -> None:
    found = ratio_over_visits(visits, visits)
    assert found.low is None and found.high is None and found.reason == f"{why}: an interval over visits needs two"
    assert (found.value is None) == (not visits) and not found.covers(1.0)


def test_costs_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        ratio_over_visits({0: [0.0]}, {0: [1.0]})


def test_visits_without_spread_give_no_width() -> None:
    found = mean_over_visits([5.0, 5.0, 5.0])
    assert (found.value, found.low, found.high) == (5.0, 5.0, 5.0) and found.covers(5.0) and not found.covers(5.1)


def normal(rng, shape):
    return rng.normal(0.0, 0.03, shape)


def skewed(rng, shape):
    return rng.exponential(0.03, shape)  # now and then a slow call


def heavy(rng, shape):
    return 0.01 * rng.standard_t(3, shape)


@pytest.mark.parametrize("visits", [2, 3, 5])
@pytest.mark.parametrize("noise", [normal, skewed, heavy])
@pytest.mark.parametrize("of_process", [0.0, 0.02])
def test_the_interval_of_an_a_a_pair_covers_one_in_92_to_98_of_100(visits, noise, of_process) -> None:
    """A visit moves both sides alike, each load moves its own side, and calls scatter as they like."""
    rng, replays, calls = np.random.default_rng(7), 2000, 4
    machine = rng.normal(0.0, 0.1, (replays, 1, visits, 1))
    load = rng.normal(0.0, of_process, (replays, 2, visits, 1))
    seconds = 0.2 * np.exp(machine + load + noise(rng, (replays, 2, visits, calls)))
    covered = [
        ratio_over_visits(*({v: side[v].tolist() for v in range(visits)} for side in pair)).covers(1.0)
        for pair in seconds
    ]
    assert 0.92 <= np.mean(covered) <= 0.98

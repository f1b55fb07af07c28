"""Power: against scipy's noncentral t, against the simulated rule, and what cannot be."""

import subprocess
import sys
from math import inf

import numpy as np
import pytest
from scipy.special import nctdtr, stdtrit

from harness.stats.power import (
    Spread,
    chance_beyond,
    chance_equivalent,
    chance_regressed,
    needed,
    smallest_effect,
    t_quantile,
)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 7, 15, 31, 127, 1000])
def test_the_quantile_is_students(degrees: int) -> None:
    for p in (0.01, 0.2, 0.6, 0.9, 0.95, 0.975, 0.999, 0.99999):
        assert t_quantile(p, degrees) == pytest.approx(float(stdtrit(degrees, p)), rel=1e-5)
    assert t_quantile(0.5, degrees) == pytest.approx(0.0, abs=1e-6)
    assert t_quantile(0.95, inf) == pytest.approx(1.6448536)


@pytest.mark.parametrize(("n", "alpha"), [(8, 0.05), (32, 0.05), (64, 0.001), (200, 0.05)])
def test_the_chance_is_the_noncentral_ts(n: int, alpha: float) -> None:
    for gap in (0.0, 0.2, 0.5, 1.0):
        exact = 1 - float(nctdtr(n - 1, gap * np.sqrt(n), stdtrit(n - 1, 1 - alpha)))
        assert chance_beyond(gap, Spread(1.0), n, alpha) == pytest.approx(exact, abs=0.015)


def test_what_is_needed_is_the_first_that_is_enough() -> None:
    for open_ in (1, 50):
        n = needed(0.5, Spread(1.0), open_=open_)
        assert n is not None
        assert (
            chance_beyond(0.5, Spread(1.0), n, 0.05 / open_)
            >= 0.9
            > chance_beyond(0.5, Spread(1.0), n - 1, 0.05 / open_)
        )
        assert chance_equivalent(0.5, Spread(1.0), n, open_=open_) >= 0.8
        assert chance_regressed(1.0, 0.5, Spread(1.0), n, open_=open_) >= 0.9
    assert needed(0.5, Spread(1.0), least=500) == 500


def test_a_spread_that_is_itself_a_guess_needs_more() -> None:
    sure, guess = needed(0.5, Spread(1.0)), needed(0.5, Spread(1.0, 7))
    assert sure is not None and guess is not None and guess > 1.2 * sure
    two_visits = needed(0.5, Spread(1.0, 1))
    assert two_visits is not None and two_visits > 5 * sure


def test_the_smallest_effect_is_seen_with_the_power_asked_for() -> None:
    for n, open_ in ((8, 1), (32, 20)):
        effect = smallest_effect(0.3, Spread(2.0), n, open_=open_)
        assert effect is not None and effect > 0.3
        assert chance_regressed(effect, 0.3, Spread(2.0), n, open_=open_) == pytest.approx(0.8, abs=0.01)
    assert smallest_effect(0.3, Spread(2.0), 1) is None
    assert smallest_effect(0.3, Spread(0.0), 5) == 0.3


def test_two_sides_know_more_degrees_and_no_more() -> None:
    paired, apart = smallest_effect(0.0, Spread(1.0), 2), smallest_effect(0.0, Spread(1.0, sides=2), 2)
    assert paired is not None and apart is not None and apart < paired


def test_what_no_number_settles_has_none() -> None:
    assert needed(0.0, Spread(1.0)) is None
    assert needed(1e-5, Spread(1.0)) is None
    assert needed(0.5, Spread(0.0)) == 2


def test_shares_that_all_agree_still_need_the_binomials_number() -> None:
    """With a margin of 10 points, 29 prompts without a disagreement are the least that can: 0.9^29 < 5 %."""
    assert needed(0.1, Spread(0.01, share=True)) == 29
    assert chance_equivalent(0.1, Spread(0.01, share=True), 28) == 0.0
    assert chance_equivalent(0.1, Spread(0.01, share=True), 29) > 0.9


def test_planning_gets_it_without_numpy() -> None:
    told = "import sys, harness.stats.power; sys.exit(any(m in sys.modules for m in ('numpy', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0

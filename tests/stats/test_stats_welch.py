"""Unpaired differences against scipy's own Welch test, and their verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats.verdict import PairedSample, UnpairedSample, paired_comparisons
from harness.stats.welch import welch_difference

LEFT, RIGHT = np.array([1.2, 1.5, 1.1, 1.4]), np.array([1.0, 0.9, 1.3])


@pytest.mark.parametrize("threshold", [-0.4, 0.0, 0.1, 0.5])
def test_p_and_interval_are_those_of_scipy(threshold: float) -> None:
    found = welch_difference(LEFT, RIGHT)
    above = stats.ttest_ind(LEFT - threshold, RIGHT, equal_var=False, alternative="greater")
    below = stats.ttest_ind(LEFT - threshold, RIGHT, equal_var=False, alternative="less")
    assert found.p_above(threshold) == pytest.approx(above.pvalue, rel=1e-9)
    assert found.p_below(threshold) == pytest.approx(below.pvalue, rel=1e-9)
    bounds = stats.ttest_ind(LEFT, RIGHT, equal_var=False).confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert found.n == 3 and found.sd == pytest.approx(np.sqrt(LEFT.var(ddof=1) + RIGHT.var(ddof=1)))


def test_no_spread_is_all_there_is_to_know() -> None:
    found = welch_difference(np.full(3, 2.0), np.full(3, 1.0))
    assert found.interval(0.9) == (1.0, 1.0) and found.p_above(0.5) == 0 and found.p_above(1.5) == 1


def test_a_side_of_one_value_has_no_spread() -> None:
    with pytest.raises(ValueError, match="two values"):
        welch_difference(np.ones(1), np.ones(3))


def test_unpaired_and_paired_are_judged_together() -> None:
    harm = np.array([0.1, -0.1, 0.05, -0.05, 0.02, -0.02, 0.03, -0.03])
    slower = UnpairedSample("slow", np.log([1.1, 1.101, 1.099]), np.log([1.0, 1.001, 0.999]), 0.03)
    alone, few, paired = paired_comparisons(
        [slower, UnpairedSample("few", np.zeros(1), np.zeros(3), 0.03), PairedSample("clip", harm, 0.3)]
    )
    assert (alone.verdict, alone.n, alone.p_sign_flip) == ("regressed", 3, None)
    assert (few.verdict, few.reason) == ("inconclusive", "1 visit: no verdict is given below 2")
    assert paired.verdict == "equivalent" and paired.p_sign_flip is not None
    assert alone.p_adjusted == pytest.approx(2 * alone.p)  # type: ignore[operator]  # the smaller of two


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        paired_comparisons([UnpairedSample("bad", np.array([1.0, np.nan]), np.ones(2), 0.1)])


def test_false_claims_at_the_margin_stay_under_five_percent() -> None:
    """2000 pairs of three visits each whose true difference is exactly the margin."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(2000):
        cell, reference = rng.normal(0.03, 0.01, 3), rng.normal(0.0, 0.02, 3)
        wrong += welch_difference(cell, reference).p_above(0.03) <= 0.05
    assert wrong / 2000 <= 0.06

"""Sign-flip p-values, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.permutation import sign_flip_p


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([1.0], 1.0),
        ([1.0, 2.0, 3.0], 2 / 8),  # only +++ and --- reach 6
        ([1.0, 2.0, -3.0], 1.0),  # the sum is 0: every flip is as extreme
        ([1.0, 2.0, 3.0, -1.0], 6 / 16),  # |sum| >= 5: 7, 5, 5 and their mirrors
        ([1.0] * 6, 2 / 64),
        ([0.0] * 5, 1.0),
    ],
)
def test_exact_by_hand(differences: list[float], expected: float) -> None:
    assert sign_flip_p(np.array(differences)) == pytest.approx(expected)


def test_sampled_agrees_with_exact_theory() -> None:
    # 20 equal differences: |sum| >= 20 in 2 of 2^20 flips, so 9999 samples almost never reach it.
    assert sign_flip_p(np.ones(20)) == pytest.approx(1 / 10000)
    # A sum of zero is reached by every flip.
    assert sign_flip_p(np.array([1.0] * 10 + [-1.0] * 10)) == 1.0


def test_sampled_is_near_the_exact_one_of_a_mild_effect() -> None:
    values = np.random.default_rng(4).normal(0.4, 1.0, 16)
    exact = sign_flip_p(values)
    # One more difference of zero changes no sum, but takes the sampled way.
    sampled = sign_flip_p(np.append(values, 0.0), seed=1)
    assert sampled == pytest.approx(exact, abs=0.02)


def test_the_seed_decides_the_sample() -> None:
    values = np.random.default_rng(4).normal(0.4, 1.0, 30)
    assert sign_flip_p(values, seed=3) == sign_flip_p(values, seed=3)


def test_nothing_cannot_be_flipped() -> None:
    with pytest.raises(ValueError, match="at least one"):
        sign_flip_p(np.array([]))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=10))
def test_mirrored_differences_have_the_same_p(differences: list[float]) -> None:
    values = np.array(differences)
    assert sign_flip_p(values) == sign_flip_p(-values)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
def test_rounding_breaks_no_ties(differences: list[int]) -> None:
    """Sums that tie in whole numbers must tie in tenths, where they differ in the last bit."""
    assert sign_flip_p(np.array(differences) * 0.1) == sign_flip_p(np.array(differences, dtype=float))

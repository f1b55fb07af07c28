"""The Vendi score of sets whose number of different pictures is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.score.vendi import vendi

AXES = np.eye(6)


def test_known_numbers() -> None:
    assert vendi(np.repeat(AXES[:1], 5, axis=0)) == pytest.approx(1.0)
    assert vendi(AXES) == pytest.approx(6.0)
    assert vendi(np.concatenate([AXES[:3]] * 4)) == pytest.approx(3.0)
    assert vendi(7.0 * AXES[:4]) == pytest.approx(4.0), "of any length"


def test_uneven_shares_by_their_entropy() -> None:
    """Nine alike and one other: shares 0.9 and 0.1."""
    expected = np.exp(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)))
    assert vendi(np.vstack([np.repeat(AXES[:1], 9, axis=0), AXES[1]])) == pytest.approx(expected)


def test_both_forms_are_one_number_and_n_bounds_it() -> None:
    x = np.random.default_rng(0).normal(size=(12, 12))
    padded = np.hstack([x, np.zeros((12, 5))])  # more dimensions than pictures, and nothing new
    assert vendi(padded) == pytest.approx(vendi(x)) and 1 < vendi(x) < 12


def test_a_broken_network() -> None:
    with pytest.raises(ValueError, match="not finite"):
        vendi(np.full((3, 2), np.nan))

"""The Fréchet distance against the literature's formula and against distances known beforehand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from harness.score.frechet import (
    Statistics,
    comparable_sample,
    frechet_distance,
    frechet_from_features,
    frechet_to,
    least_sample,
    statistics_of,
)


def literature(x: np.ndarray, y: np.ndarray) -> float:
    """As the original code and torch-fidelity have it: numpy's covariance, scipy's square root of the product."""
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    shift = x.mean(0) - y.mean(0)
    return float(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * np.trace(np.real(root)))


def samples(n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 300, 16), (64, 4096, 16), (40, 50, 3)])
def test_the_literatures_formula(n: int, m: int, d: int) -> None:
    x, y = samples(n, d, 1), samples(m, d, 2)
    expected = literature(x, y)
    assert frechet_distance(statistics_of(x), statistics_of(y)) == pytest.approx(expected, rel=1e-9)
    assert frechet_from_features(x, y) == pytest.approx(expected, rel=1e-9)


def test_fewer_samples_than_dimensions_two_forms_one_number() -> None:
    x, y = samples(20, 64, 1), samples(30, 64, 2)
    assert statistics_of(x).rank_deficient and not statistics_of(samples(65, 64, 1)).rank_deficient
    dense = frechet_distance(statistics_of(x), statistics_of(y))
    assert frechet_from_features(x, y) == pytest.approx(dense, rel=1e-6)
    assert frechet_from_features(x, samples(400, 64, 3)) == pytest.approx(
        frechet_distance(statistics_of(x), statistics_of(samples(400, 64, 3))), rel=1e-6
    )


@pytest.mark.parametrize("n", [20, 64, 200])
def test_features_against_statistics(n: int) -> None:
    x, y = samples(n, 64, 1), samples(400, 64, 2)
    assert frechet_to(x, statistics_of(y)) == pytest.approx(frechet_from_features(x, y), rel=1e-6)
    with pytest.raises(ValueError, match="64 and 63 dimensions"):
        frechet_to(x, statistics_of(y[:, :63]))


def test_whichever_covariance_is_singular_the_distance_is_the_same() -> None:
    few, many = statistics_of(samples(20, 64, 1)), statistics_of(samples(400, 64, 2))
    assert frechet_distance(few, many) == pytest.approx(frechet_distance(many, few), rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(-50.0, 50.0))
def test_a_shift_of_the_mean_costs_its_square(seed: int, shift: float) -> None:
    x = samples(50, 4, seed)
    moved = x + np.array([shift, 0.0, 0.0, 0.0])
    assert frechet_from_features(x, moved) == pytest.approx(shift**2, rel=1e-6, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_equal_sets_are_at_distance_zero_and_the_distance_is_symmetric(seed: int) -> None:
    x, y = statistics_of(samples(50, 4, seed)), statistics_of(samples(60, 4, seed + 1))
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6 * float(np.trace(x.covariance)))
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-6)


def test_a_known_closed_form() -> None:
    """Diagonal covariances: the sum of squared differences of the standard deviations."""
    a = Statistics(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 100)
    b = Statistics(np.zeros(3), np.diag([4.0, 4.0, 1.0]), 100)
    assert frechet_distance(a, b) == pytest.approx((1 - 2) ** 2 + 0 + (3 - 1) ** 2)


def test_a_constant_feature_does_no_harm() -> None:
    x = samples(50, 4, 1)
    x[:, 2] = 7.0
    assert np.isfinite(frechet_distance(statistics_of(x), statistics_of(samples(50, 4, 2))))


def test_the_least_sample_follows_from_the_dimension() -> None:
    assert least_sample(16) == comparable_sample(16) == 32
    assert (least_sample(2048), comparable_sample(2048)) == (1000, 5000)


@pytest.mark.parametrize(
    ("features", "words"),
    [(np.zeros((1, 4)), "at least two"), (np.zeros(4), "at least two"), (np.full((5, 2), np.nan), "not finite")],
)
def test_what_has_no_statistics(features: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        statistics_of(features)


def test_different_extractors_are_not_compared() -> None:
    with pytest.raises(ValueError, match="4 and 5 dimensions"):
        frechet_distance(statistics_of(samples(20, 4, 1)), statistics_of(samples(20, 5, 1)))


def test_the_arithmetic_is_imported_without_torch() -> None:
    modules = "harness.score.frechet, harness.score.clip_score, harness.score.statistics_file"
    subprocess.run([sys.executable, "-c", f"import sys, {modules}\nassert 'torch' not in sys.modules"], check=True)

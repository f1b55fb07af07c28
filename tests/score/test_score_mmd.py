"""MMD²: against the double sum of its definition, its null, and leaving pictures out."""

from __future__ import annotations

import numpy as np
import pytest

from harness.score import mmd as module
from harness.score.kid import cubic
from harness.score.mmd import as_doubles, mean_within, mmd, mmd_squared


def sets(n: int, m: int, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Every pair, one by one; a vector never with itself."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    own = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    other = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    return float(own + other - 2 * np.mean([k(a, b) for a in x for b in y]))


@pytest.mark.parametrize("chunk", [4, 1024])
def test_the_double_sum_of_its_definition(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    x, y = sets(9, 14)
    assert mmd_squared(x, y, cubic) == pytest.approx(by_definition(x, y), rel=1e-12)


def test_leaving_rows_out_is_the_same_as_not_having_had_them() -> None:
    x, y = sets(20, 30)
    kept = np.array([0, 1, 4, 7, 8, 9, 15, 19])
    sums = mmd(x, y, cubic, mean_within(y, cubic))
    assert sums.at(kept) == pytest.approx(mmd_squared(x[kept], y, cubic), rel=1e-10)
    assert sums.at(np.arange(20)) == pytest.approx(mmd_squared(x, y, cubic), rel=1e-12)


def test_of_one_thing_it_is_nought_on_average_and_often_below() -> None:
    """Unbiased: the mean of 400 draws is within four of its standard errors of 0."""
    rng = np.random.default_rng(0)
    draws = np.array([mmd_squared(rng.normal(size=(12, 3)), rng.normal(size=(15, 3)), cubic) for _ in range(400)])
    assert abs(draws.mean()) < 4 * draws.std() / 20 and 0.2 < (draws < 0).mean() < 0.9


@pytest.mark.parametrize(
    ("features", "words"),
    [(np.zeros((1, 3)), "at least two"), (np.zeros(3), "at least two"), (np.full((4, 3), np.inf), "not finite")],
)
def test_what_has_no_distance(features: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        as_doubles(features)


def test_different_extractors_are_not_compared() -> None:
    with pytest.raises(ValueError, match="3 and 4 dimensions"):
        mmd_squared(np.zeros((5, 3)), np.zeros((5, 4)), cubic)

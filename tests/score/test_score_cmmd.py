"""CMMD against its paper's formula, and where the biased form of their code differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from harness.score.cmmd import cmmd, unit


def kernels(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.exp(-cdist(x, y, "sqeuclidean") / 200.0)


def unbiased(x: np.ndarray, y: np.ndarray) -> float:
    def within(a: np.ndarray) -> float:
        return float((kernels(a, a).sum() - len(a)) / (len(a) * (len(a) - 1)))

    return 1000.0 * (within(x) + within(y) - 2 * float(kernels(x, y).mean()))


def biased(x: np.ndarray, y: np.ndarray) -> float:
    """``distance.py`` of google-research/cmmd."""
    return 1000.0 * float(kernels(x, x).mean() + kernels(y, y).mean() - 2 * kernels(x, y).mean())


def features(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 8)) + np.arange(8) * 0.2 * (seed == 1)


def test_the_papers_formula_on_unit_vectors() -> None:
    x, y = features(40, 1), features(60, 2)
    assert cmmd(x, y) == pytest.approx(unbiased(unit(x), unit(y)), rel=1e-8)
    assert cmmd(3.0 * x, y) == pytest.approx(cmmd(x, y), rel=1e-12), "of any length"


def test_their_code_is_moved_upwards_by_the_size_of_the_sets() -> None:
    """The diagonal's ones: by (1 - mean off the diagonal) / n of each set."""
    x, y = unit(features(40, 1)), unit(features(60, 2))
    apart = sum(1000.0 * (1 - (kernels(a, a).sum() - len(a)) / (len(a) * (len(a) - 1))) / len(a) for a in (x, y))
    assert biased(x, y) - cmmd(x, y) == pytest.approx(apart, rel=1e-8) and apart > 0.1


@pytest.mark.parametrize("odd", [np.zeros(8), np.full(8, np.nan)])
def test_a_vector_without_a_direction(odd: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not finite numbers, or a vector of length zero"):
        cmmd(np.vstack([features(4, 1), odd]), features(4, 2))

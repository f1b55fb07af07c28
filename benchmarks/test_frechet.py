"""The Fréchet distance beside the literature's route over scipy's square root of a matrix, at Inception's size.

Both start from the same thing: features, of which both make means and covariances, or those statistics. The number of
threads is the environment's: ``OMP_NUM_THREADS=1`` and ``=2``.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg

from harness.score.frechet import Statistics, frechet_distance, frechet_from_features, statistics_of

Compare = Callable[..., None]
_N, _D, _TURNS = 10_000, 2048, 5


def by_square_root(a: Statistics, b: Statistics) -> float:
    """As pytorch-fid and clean-fid have it."""
    root = np.real(scipy.linalg.sqrtm(a.covariance @ b.covariance))
    shift = a.mean - b.mean
    return float(shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.trace(root))


@pytest.fixture(scope="module")
def features() -> tuple[np.ndarray, np.ndarray]:
    """Two sets whose deviations fall over a decade."""
    rng = np.random.default_rng(0)
    spread = np.logspace(0.0, -1.0, _D)
    return rng.normal(size=(_N, _D)) * spread, 1.1 * rng.normal(size=(_N, _D)) * spread + 0.02


@pytest.mark.parametrize("start", ["statistics", "features"])
def test_frechet_beside_the_square_root_of_a_matrix(
    compare: Compare, features: tuple[np.ndarray, np.ndarray], start: str
) -> None:
    x, y = features
    a, b = statistics_of(x), statistics_of(y)
    assert frechet_distance(a, b) == pytest.approx(by_square_root(a, b), rel=1e-9), "the same number, before its time"
    calls = {
        "statistics": {"ours": lambda: frechet_distance(a, b), "scipy's sqrtm": lambda: by_square_root(a, b)},
        "features": {
            "ours": lambda: frechet_from_features(x, y),
            "scipy's sqrtm": lambda: by_square_root(*(_moments(one) for one in (x, y))),
        },
    }
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    compare(f"Fréchet distance from {start}, n = {_N:,}, d = {_D:,}, threads: {threads}", calls[start], rounds=_TURNS)


def _moments(features: np.ndarray) -> Statistics:
    return Statistics(features.mean(axis=0), np.cov(features, rowvar=False), len(features))

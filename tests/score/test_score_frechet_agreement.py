"""The Fréchet distance beside torchmetrics' own on the same features: well- and ill-conditioned, and n < d.

Both are in float64. torchmetrics takes ``Σ sqrt(eig(S1·S2))`` of the asymmetric product.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import _compute_fid

from harness.score.frechet import frechet_distance, frechet_from_features, statistics_of

DIMENSION = 96
BAR = 1e-6


def features(n: int, seed: int, decades: float, scale: float) -> np.ndarray:
    """Rotated normal features whose standard deviations fall from ``scale`` over so many decades; means near zero."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0]
    spread = scale * np.logspace(0.0, -decades, DIMENSION)
    return (rng.normal(size=(n, DIMENSION)) * spread) @ rotation  # a shift of the means would hide the covariances


def torchmetrics_distance(x: np.ndarray, y: np.ndarray) -> float:
    moments = [torch.from_numpy(m) for v in (x, y) for m in (v.mean(0), np.cov(v, rowvar=False))]
    return float(_compute_fid(*moments))


@pytest.mark.parametrize("decades", [0.0, 1.0, 3.0], ids=["well", "condition 1e2", "condition 1e6"])
@pytest.mark.parametrize("n", [1000, 40], ids=["n > d", "n < d"])
def test_torchmetrics_distance_on_the_same_features(n: int, decades: float) -> None:
    x, y = features(n, 1, decades, 1.0), features(n, 2, decades, 2.0)
    expected = torchmetrics_distance(x, y)
    assert frechet_from_features(x, y) == pytest.approx(expected, rel=BAR)
    assert frechet_distance(statistics_of(x), statistics_of(y)) == pytest.approx(expected, rel=BAR)

"""Directional similarity: known angles, and changes that are none."""

from __future__ import annotations

import numpy as np
import pytest

from harness.score.directional import directional_cosines

UP, SIDE, SLANT = (0.0, 1.0), (1.0, 0.0), (0.6, 0.8)


def cosine(*features: tuple[float, ...]) -> float:
    """Of a picture, its source, a text and a caption."""
    return float(directional_cosines(*(np.array([one], dtype=np.float32) for one in features))[0])


def test_known_angles() -> None:
    assert cosine(UP, SIDE, UP, SIDE) == pytest.approx(1) and cosine(SIDE, UP, UP, SIDE) == pytest.approx(-1)
    assert cosine(UP, SLANT, (1, 0), (0, 0)) == pytest.approx(-0.6 / np.hypot(0.6, 0.2), rel=1e-6)


def test_torch_says_the_same_of_many() -> None:
    import torch

    rng = np.random.default_rng(0)
    features = [rng.normal(size=(20, 16)).astype(np.float32) for _ in range(4)]
    tensors = [torch.from_numpy(one).double() for one in features]
    theirs = torch.nn.functional.cosine_similarity(tensors[0] - tensors[1], tensors[2] - tensors[3])
    assert directional_cosines(*features) == pytest.approx(theirs.numpy(), abs=1e-12)


def test_what_did_not_change_has_no_direction() -> None:
    nan = (float("nan"),) * 2
    assert np.isnan(cosine(UP, UP, UP, SIDE)) and np.isnan(cosine(UP, SIDE, UP, UP))
    assert np.isnan(cosine(UP, nan, UP, SIDE)) and np.isnan(cosine(UP, SIDE, UP, nan))

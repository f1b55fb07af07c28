"""Structural similarity: torchmetrics' own numbers, and windows that see only what counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from harness.score.ssim import ssim

Pair = tuple[np.ndarray, np.ndarray]


def noisy(height: int, width: int, spread: float, seed: int = 0) -> Pair:
    """A smooth picture, and it with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    stripes = np.stack([np.cos(y / period) for period in (5, 7, 11)], axis=2)
    smooth = 127 + 90 * np.sin(x / 9 + seed)[..., None] * stripes
    other = smooth + spread * rng.normal(size=smooth.shape)
    return smooth.clip(0, 255).astype(np.uint8), other.clip(0, 255).astype(np.uint8)


def theirs(one: np.ndarray, other: np.ndarray, data_range: float) -> float:
    tensors = [torch.from_numpy(a.astype(np.float64)).permute(2, 0, 1)[None] for a in (one, other)]
    return float(structural_similarity_index_measure(*tensors, data_range=data_range))  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.5, 8.0, 60.0, 300.0])
@pytest.mark.parametrize("size", [(64, 64), (48, 80), (12, 7)])
def test_it_is_what_torchmetrics_says(spread: float, size: tuple[int, int]) -> None:
    one, other = noisy(*size, spread)
    assert ssim(one, other) == pytest.approx(theirs(one, other, 255.0), abs=1e-9)
    assert ssim(one / 255, other / 255, data_range=1.0) == pytest.approx(theirs(one / 255, other / 255, 1.0), abs=1e-9)


def test_a_picture_is_like_itself_and_unlike_its_negative() -> None:
    one, _ = noisy(64, 64, 0)
    assert ssim(one, one) == pytest.approx(1.0, abs=1e-12) and ssim(one, 255 - one) < 0


def test_windows_that_see_what_does_not_count_are_left_out() -> None:
    one, other = noisy(64, 64, 0)
    counts = np.ones((64, 64), dtype=bool)
    counts[20:30, 20:30] = False
    spoilt = other.copy()
    spoilt[~counts] = 255 - spoilt[~counts]
    assert ssim(one, spoilt, where=counts) == pytest.approx(1.0, abs=1e-12) and ssim(one, spoilt) < 0.99
    spoilt[31, 31] = 0  # a pixel that counts, beside the others
    assert ssim(one, spoilt, where=counts) < 1


def test_where_there_is_nothing_to_see_there_is_no_number() -> None:
    one, other = noisy(64, 64, 5)
    assert math.isnan(ssim(one, other, where=np.zeros((64, 64), dtype=bool)))
    assert math.isnan(ssim(one[:5], other[:5]))
    with pytest.raises(ValueError, match="cannot be held against"):
        ssim(one, other[:32])

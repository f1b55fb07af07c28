"""Peak signal-to-noise ratio: torchmetrics' own numbers, known answers, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from harness.score.psnr import psnr


@pytest.mark.parametrize("spread", [1, 20, 255])
def test_it_is_what_torchmetrics_says(spread: int) -> None:
    rng = np.random.default_rng(spread)
    one = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    other = (one.astype(int) + rng.integers(-spread, spread + 1, one.shape)).clip(0, 255).astype(np.uint8)
    tensors = [torch.from_numpy(a.astype(np.float64)) for a in (one, other)]
    assert psnr(one, other) == pytest.approx(float(peak_signal_noise_ratio(*tensors, data_range=255.0)), abs=5e-6)
    unit = [tensor / 255 for tensor in tensors]
    assert psnr(one / 255, other / 255, peak=1.0) == pytest.approx(
        float(peak_signal_noise_ratio(*unit, data_range=1.0)), abs=5e-6
    )


def test_known_decibels() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert psnr(black, white) == 0.0 and psnr(black, black + np.uint8(1)) == pytest.approx(20 * math.log10(255))
    assert psnr(black, black) == math.inf


def test_only_what_counts_is_held_against_the_other() -> None:
    black, other = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    other[:4] = 255
    counts = np.zeros((8, 8), dtype=bool)
    assert math.isnan(psnr(black, other, where=counts))
    counts[4:] = True
    assert psnr(black, other, where=counts) == math.inf
    counts[3, :] = True
    assert psnr(black, other, where=counts) == pytest.approx(10 * math.log10(5))
    with pytest.raises(ValueError, match="cannot be held against"):
        psnr(black, other[:4])

"""The CLIP score's arithmetic, against torchmetrics' and against angles known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.multimodal.clip_score import _clip_score_update

from harness.score.clip_score import clip_scores, cosines


def test_known_angles() -> None:
    images = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [3.0, 3.0]])
    texts = np.array([[5.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 2.0]])
    assert cosines(images, texts) == pytest.approx([1.0, 0.0, -1.0, np.sqrt(0.5)])
    assert clip_scores(cosines(images, texts)) == pytest.approx([100.0, 0.0, 0.0, 100 * np.sqrt(0.5)])


class _Fixed:
    """A CLIP for torchmetrics that has its features ready."""

    config = object()

    def __init__(self, images: torch.Tensor, texts: torch.Tensor) -> None:
        self._images, self._texts = images, texts

    def to(self, _: Any) -> _Fixed:
        return self

    def get_image_features(self, _: Any) -> torch.Tensor:
        return self._images

    def get_text_features(self, *_: Any) -> torch.Tensor:
        return self._texts


def test_torchmetrics_arithmetic() -> None:
    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(8, 16)), rng.normal(size=(8, 16))
    inputs = {"pixel_values": torch.zeros(1), "input_ids": torch.zeros(1), "attention_mask": torch.zeros(1)}
    model: Any = _Fixed(torch.from_numpy(images), torch.from_numpy(texts))
    processor: Any = lambda **_: inputs  # noqa: E731  (torchmetrics wants something to call)
    theirs, n = _clip_score_update(list(torch.zeros(8, 3, 4, 4)), ["a"] * 8, model, processor)
    assert n == 8
    assert 100 * cosines(images, texts) == pytest.approx(theirs.numpy())
    assert clip_scores(cosines(images, texts)) == pytest.approx(np.maximum(theirs.numpy(), 0))

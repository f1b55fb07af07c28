"""CLIP score: how well a picture fits its prompt or another picture, by their features' cosine. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cosines(image_features: NDArray[np.floating], text_features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine (n,) of each picture's features (n, d) with its own prompt's (n, d); of any length, none of them zero."""
    images, texts = _unit(image_features), _unit(text_features)
    cosine: NDArray[np.float64] = np.einsum("nd,nd->n", images, texts)
    return cosine


def clip_scores(cosine: NDArray[np.float64]) -> NDArray[np.float64]:
    """``100·max(cosine, 0)`` for each picture (n,).

    As in J. Hessel et al., CLIPScore (EMNLP 2021), with torchmetrics' weight of 100 instead of 2.5. torchmetrics clamps
    the mean only; here each picture is clamped, so that one opposite picture does not cancel a good one.
    """
    scores: NDArray[np.float64] = 100.0 * np.maximum(cosine, 0.0)
    return scores


def similarities(cosine: NDArray[np.float64]) -> NDArray[np.float64]:
    """``100·cosine`` for each pair of pictures (n,), 100 for the same picture.

    Unclamped: the cosine of two pictures' features as in A. Radford et al., CLIP (ICML 2021); "CLIP-I" elsewhere.
    """
    points: NDArray[np.float64] = 100.0 * cosine
    return points


def _unit(features: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(features, dtype=np.float64)
    unit: NDArray[np.float64] = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit

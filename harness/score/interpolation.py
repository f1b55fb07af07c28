"""Interpolation: where a picture stands between the things of its mix, and how even the steps are. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.score.clip_score import cosines

Floats = NDArray[np.float64]


def cosine_distances(feature: NDArray[np.floating], things: NDArray[np.floating]) -> Floats:
    """``1 - cosine`` (k,) of one picture's features (d,) to each thing's (k, d); never below 0."""
    pictures = np.broadcast_to(feature, things.shape)
    distances: Floats = np.maximum(1.0 - cosines(pictures, things), 0.0)
    return distances


def position(feature: NDArray[np.floating], things: NDArray[np.floating]) -> float:
    """The share of the last thing of a mix in a picture, 0 to 1: of inverse cosine distances.

    For two things ``a / (a + b)`` of the distances to the first and to the last: 0 at the first, 1 at the last, 1/2
    where both are as far. A text is farther from every picture than a picture is (CLIP's modality gap; W. Liang et al.,
    NeurIPS 2022), so positions between a text and a picture are good for comparing, and the middle is not 1/2.

    Not a number for fewer than two things, or if the picture is at two of them at once.

    Args:
        feature: (d,) of the picture.
        things: (k, d), in the order of the mix.

    Source: inverse distance weighting, D. Shepard, 1968.
    """
    if len(things) < 2:
        return float("nan")
    distances = cosine_distances(feature, things)
    others = np.array([np.prod(np.delete(distances, i)) for i in range(len(distances))])  # no division by a distance 0
    return float(others[-1] / others.sum()) if others.sum() > 0 else float("nan")


@dataclass(frozen=True)
class Steps:
    """How far each picture is from the one before it, and the largest step over the mean: 1 where all are even.

    ``mean`` and ``unevenness`` are ``None`` where there is no step, ``unevenness`` also where nothing moved.
    """

    sizes: list[float]
    mean: float | None
    unevenness: float | None


def step_sizes(features: NDArray[np.floating]) -> Steps:
    """Cosine distances between neighbours of (n, d) features, in the order of the weight.

    Source: the pairwise terms of perceptual path length, T. Karras et al., CVPR 2019, with CLIP's distance and
    neither squared nor divided by the step.
    """
    if len(features) < 2:
        return Steps([], None, None)
    sizes = np.maximum(1.0 - cosines(features[1:], features[:-1]), 0.0)
    mean = float(sizes.mean())
    return Steps(sizes.tolist(), mean, float(sizes.max()) / mean if mean > 0 else None)

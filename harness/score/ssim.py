"""Structural similarity of two pictures. Pure numpy and scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, minimum_filter

Floats = NDArray[np.float64]
WINDOW, SIGMA, RANGE = 11, 1.5, 255.0  # pixels, pixels, levels
_K1, _K2 = 0.01, 0.03


def ssim(
    picture: NDArray[np.number],
    other: NDArray[np.number],
    *,
    data_range: float = RANGE,
    where: NDArray[np.bool_] | None = None,
) -> float:
    """Mean structural similarity over pixels and colours: 1 for the same picture, never above.

    Windows are Gaussian, 11×11 with σ 1.5; at the border the picture is mirrored, without repeating its last pixel.

    Args:
        picture, other: (height, width, 3), of one shape, both sides of at least 6 pixels.
        data_range: the width of the values' range: 255 of 8-bit pixels, 1 of those in [0, 1].
        where: (height, width), true where pixels count; only windows that see no other pixel are averaged.

    Returns:
        The mean; not a number where no window is left, or where a picture is too small to be mirrored.

    Raises:
        ValueError: pictures of two shapes.

    Source: Z. Wang et al., Image quality assessment: from error visibility to structural similarity, TIP 2004; as
    torchmetrics' ``structural_similarity_index_measure(sigma=1.5, data_range=data_range)``.
    """
    if picture.shape != other.shape:
        raise ValueError(f"pictures of {picture.shape} and {other.shape} cannot be held against each other")
    if min(picture.shape[:2]) <= WINDOW // 2:
        return float("nan")
    similar = _map(picture.astype(np.float64), other.astype(np.float64), data_range)
    kept = similar if where is None else similar[minimum_filter(where, size=WINDOW, mode="mirror")]
    return float(kept.mean()) if kept.size else float("nan")


def _map(one: Floats, other: Floats, data_range: float) -> Floats:
    """Similarity of each pixel's window, (height, width, 3)."""
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    mean_one, mean_other = _blurred(one), _blurred(other)
    variance_one = np.maximum(_blurred(one * one) - mean_one**2, 0.0)
    variance_other = np.maximum(_blurred(other * other) - mean_other**2, 0.0)
    covariance = _blurred(one * other) - mean_one * mean_other
    upper = (2 * mean_one * mean_other + c1) * (2 * covariance + c2)
    similar: Floats = upper / ((mean_one**2 + mean_other**2 + c1) * (variance_one + variance_other + c2))
    return similar


def _blurred(values: Floats) -> Floats:
    for axis in (0, 1):
        values = correlate1d(values, _kernel(), axis=axis, mode="mirror")
    return values


def _kernel() -> Floats:
    places = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-((places / SIGMA) ** 2) / 2)
    kernel: Floats = weights / weights.sum()
    return kernel

"""Peak signal-to-noise ratio of two pictures, in decibels. Pure numpy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

PEAK = 255.0  # of 8-bit pixels


def psnr(
    picture: NDArray[np.number],
    other: NDArray[np.number],
    *,
    peak: float = PEAK,
    where: NDArray[np.bool_] | None = None,
) -> float:
    """``10·log10(peak² / mean squared difference)`` over pixels and colours; infinite for the same picture.

    Args:
        picture, other: (height, width, 3), of one shape.
        peak: the largest value that a pixel may have: 255 of 8-bit pixels, 1 of those in [0, 1].
        where: (height, width), true where pixels count; all of them by default.

    Returns:
        Decibels; not a number where no pixel counts.

    Raises:
        ValueError: pictures of two shapes.

    Source: ITU-T J.340; as torchmetrics' ``peak_signal_noise_ratio(data_range=peak)``.
    """
    if picture.shape != other.shape:
        raise ValueError(f"pictures of {picture.shape} and {other.shape} cannot be held against each other")
    squares = (picture.astype(np.float64) - other.astype(np.float64)) ** 2
    kept = squares if where is None else squares[where]
    if not kept.size:
        return float("nan")
    error = float(kept.mean())
    return 10.0 * math.log10(peak**2 / error) if error else float("inf")

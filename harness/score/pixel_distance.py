"""How far one picture is from another, pixel by pixel. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rms_difference(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Root mean square difference over all pixels and colours, in levels of 255; 0 for the same picture.

    Args:
        picture, other: (height, width, 3), of one shape.

    Raises:
        ValueError: pictures of two shapes.
    """
    if picture.shape != other.shape:
        raise ValueError(f"pictures of {picture.shape} and {other.shape} cannot be held against each other")
    difference = picture.astype(np.float64) - other.astype(np.float64)
    return float(np.sqrt(np.mean(difference**2)))

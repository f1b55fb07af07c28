"""Two pictures, pixel by pixel. Pure functions of PNG bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Apart:
    """How far two pictures are apart: ``largest`` of 255 levels, ``psnr_db`` ``None`` where they are the same.

    ``comparable`` is false for pictures of two sizes; nothing else is known of them then.
    """

    comparable: bool
    largest: int | None
    psnr_db: float | None

    @property
    def same(self) -> bool:
        """No pixel differs."""
        return self.largest == 0


def pixels_of(png: bytes) -> Pixels:
    """A picture's pixels, (height, width, 3), 0..255."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def apart(one: Pixels, other: Pixels) -> Apart:
    """Largest difference and peak signal-to-noise ratio, ``10·log10(255² / mean squared error)``."""
    if one.shape != other.shape:
        return Apart(False, None, None)
    difference = one.astype(np.float64) - other
    square = float(np.mean(difference**2))
    return Apart(True, int(np.abs(difference).max()), 10 * float(np.log10(255**2 / square)) if square > 0 else None)


def saturated(pixels: Pixels) -> float:
    """The share of pixels with a channel at either end, 0 or 255: what a decoder that clips makes more of."""
    return float(np.mean(((pixels == 0) | (pixels == 255)).any(axis=-1)))


def amplified(one: Pixels, other: Pixels, factor: int) -> Pixels:
    """|difference| times a factor, cut at 255. Both of one size."""
    difference = np.abs(one.astype(np.int32) - other) * factor
    cut: Pixels = np.minimum(difference, 255).astype(np.uint8)
    return cut

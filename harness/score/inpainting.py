"""Inpainting: what was to be kept is kept. Mean absolute difference from the source, outside the mask and at its edge.

The pipelines do not repaint a mask but latents, 8×8 pixels each, whatever the picture's size: those whose upper left
pixel is masked, and their neighbours (``prepare_mask`` of diffusers' ``pipeline_kandinsky2_2_inpainting.py``). So they
repaint up to 15 pixels beyond the mask, and the ring that is not held against them is two latents wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

LATENT = 8  # pixels to a side: every Kandinsky's autoencoder downsamples eightfold
RING = 2 * LATENT  # pixels

Mask = NDArray[np.bool_]


def ring(mask: Mask) -> Mask:
    """Where (height, width) the ring is: pixels outside the mask at most ``RING`` rows and columns away from it."""
    near: Mask = maximum_filter(mask, size=2 * RING + 1, mode="constant", cval=False)
    return near & ~mask


def outside_error(picture: NDArray[np.uint8], source: NDArray[np.uint8], mask: Mask) -> float:
    """Mean absolute difference outside the mask and its ring, in levels of 255; not a number if nothing is there.

    Args:
        picture, source: (height, width, 3).
        mask: (height, width), true where the model was to repaint.
    """
    return _error(picture, source, ~mask & ~ring(mask))


def edge_error(picture: NDArray[np.uint8], source: NDArray[np.uint8], mask: Mask) -> float:
    """The same in the ring; not a number if the mask is empty or leaves no room for one."""
    return _error(picture, source, ring(mask))


def _error(picture: NDArray[np.uint8], source: NDArray[np.uint8], where: Mask) -> float:
    if not where.any():
        return float("nan")
    return float(np.abs(picture[where].astype(np.int16) - source[where].astype(np.int16)).mean())

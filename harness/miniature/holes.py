"""What is repainted: rectangles at pixel resolution, and their way down to latents as the pipelines take it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from harness.catalog.drawing import SIDE, Floats

_LATENT = 8  # latents to a side
_LEAST = 10  # pixels to a side of a rectangle
_MARGIN = 20.0  # pixels around a shape, at most

Ints = NDArray[np.int64]


def around(boxes: Floats, rng: np.random.Generator) -> Ints:
    """Rectangles that hold the given boxes: tight or wide ones, or everything on one side of a line.

    Args:
        boxes: (n, 4) left, top, right, bottom, pixels.
    Returns:
        (n, 4) in the same order, within the picture.
    """
    margins = rng.uniform(0, _MARGIN, boxes.shape)
    outward = np.array([-1, -1, 1, 1])
    wanted = np.rint(boxes + outward * margins)
    return _clipped(_half_planes(wanted, rng))


def anywhere(n: int, rng: np.random.Generator) -> Ints:
    """Rectangles anywhere, whatever they cut; (n, 4)."""
    size = rng.integers(_LEAST, SIDE + 1, (n, 2))
    start = rng.integers(0, SIDE + 1 - size)
    wanted = np.concatenate([start, start + size], axis=1)
    return _clipped(_half_planes(wanted, rng))


def _half_planes(rectangles: NDArray[np.generic], rng: np.random.Generator) -> NDArray[np.generic]:
    """One in three keeps a single side of its rectangle; the others go to the border."""
    borders = np.array([0, 0, SIDE, SIDE])
    kept = np.arange(4)[None] == rng.integers(0, 4, (len(rectangles), 1))
    halves = rng.random((len(rectangles), 1)) < 1 / 3
    return np.where(halves & ~kept, borders, rectangles)


def _clipped(rectangles: NDArray[np.generic]) -> Ints:
    within: Ints = np.clip(rectangles, 0, SIDE).astype(np.int64)
    return within


def everything(n: int) -> Ints:
    """(n, 4): the whole picture each time."""
    return np.tile(np.array([0, 0, SIDE, SIDE]), (n, 1))


def white(rectangles: Ints) -> NDArray[np.bool_]:
    """(n, 4) → (n, 64, 64): a user's masks, true (white) where they say "repaint"."""
    left, top, right, bottom = (rectangles[:, i, None, None] for i in range(4))
    x, y = np.arange(SIDE)[None, None], np.arange(SIDE)[None, :, None]
    return np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom))


def kept(masks: NDArray[np.bool_]) -> torch.Tensor:
    """(n, 64, 64) users' masks → (n, 1, 8, 8) as the UNet sees them: 1 where the source is kept, 0 in the grown hole.

    Source: ``prepare_mask`` of diffusers' inpainting pipelines, after their inversion and nearest-neighbour shrinking.
    The hole grows to all neighbours but the upper right and the lower left.
    """
    holes = torch.from_numpy(masks)[:, None].float()
    small = F.interpolate(holes, (_LATENT, _LATENT), mode="nearest")
    reach = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])[None, None]
    return (F.conv2d(small, reach, padding=1) == 0).float()

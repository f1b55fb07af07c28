"""Sources and masks as the inpainting pipelines see them, and what needs no more than pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.catalog.types import WeightsRow
from harness.score.inpainting import Mask, edge_error, outside_error
from harness.score.pixel_distance import rms_difference
from harness.score.view import Arrays, View, made_by

Size = tuple[int, int]  # width, height, as PIL has it
_RESIZE = "the source bicubic, the mask Lanczos and white from half on: as diffusers' inpainting takes them"


def source_pixels(image: Image.Image, size: Size) -> NDArray[np.uint8]:
    """(height, width, 3) of a source at a picture's size.

    Source: ``prepare_mask_and_masked_image`` of diffusers' Kandinsky inpainting pipelines.
    """
    return np.asarray(image.resize(size, resample=Image.Resampling.BICUBIC, reducing_gap=1).convert("RGB"))


def repainted(mask: Image.Image, size: Size) -> Mask:
    """(height, width), true where a mask says "repaint" at a picture's size: white from half on. Source: the same."""
    levels = np.asarray(mask.resize(size, resample=Image.Resampling.LANCZOS).convert("L"))
    return np.asarray(levels >= 127.5)


class Pixels:
    """No weights; all in levels of 255, (n,).

    ``outside`` and ``edge``: errors, of views with a source and a mask. ``converged``: the distance to the converged
    picture, of views with one.
    """

    def __init__(self, row: WeightsRow) -> None:
        self.made_by = made_by(row, _RESIZE, "pillow", "numpy", "scipy")

    def __call__(self, views: Sequence[View]) -> Arrays:
        """One number a view; not a number where there is nothing to measure."""
        return {
            "outside": np.array([_error(view, outside_error) for view in views], dtype=np.float64),
            "edge": np.array([_error(view, edge_error) for view in views], dtype=np.float64),
            "converged": np.array([_distance(view) for view in views], dtype=np.float64),
        }


def _error(view: View, measure: Callable[[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]], float]) -> float:
    if view.image is None or view.mask is None:
        return float("nan")
    size = view.picture.size
    picture = np.asarray(view.picture.convert("RGB"))
    return measure(picture, source_pixels(view.image, size), repainted(view.mask, size))


def _distance(view: View) -> float:
    if view.converged is None:
        return float("nan")
    return rms_difference(np.asarray(view.picture.convert("RGB")), np.asarray(view.converged.convert("RGB")))

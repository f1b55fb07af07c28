"""Sources and masks as the inpainting pipelines see them, and what needs no more than pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.catalog.types import WeightsRow
from harness.score.inpainting import Mask, edge_error, outside_error, ring
from harness.score.pixel_distance import rms_difference
from harness.score.psnr import psnr
from harness.score.ssim import ssim
from harness.score.view import Arrays, View, made_by

Size = tuple[int, int]  # width, height, as PIL has it
Measure = Callable[[NDArray[np.uint8], NDArray[np.uint8], Mask | None], float]
_RESIZE = "the source bicubic, the mask Lanczos and white from half on: as diffusers' pipelines take them"
_ROUNDED = "8-bit RGB, the source rounded again after its resize"


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
    """No weights; (n,) each.

    ``ssim`` and ``psnr`` (decibels; infinite where nothing differs): similarity to the source, of views with one; with
    a mask, of what is outside the mask and its ring. ``outside`` and ``edge``: errors in levels of 255, of views with a
    source and a mask. ``converged``: the distance to the converged picture in levels, of views with one.
    """

    def __init__(self, row: WeightsRow) -> None:
        self.made_by = made_by(row, _RESIZE, "pillow", "numpy", "scipy", quantisation=_ROUNDED)

    def __call__(self, views: Sequence[View]) -> Arrays:
        """One number a view; not a number where there is nothing to measure."""
        held = [_held(view) for view in views]
        found = {name: [_of(one, measure) for one in held] for name, measure in _MEASURES.items()}
        found["converged"] = [_distance(view) for view in views]
        return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


@dataclass(frozen=True)
class _Held:
    """A picture, its source at the same size, and where the model was to repaint."""

    picture: NDArray[np.uint8]
    source: NDArray[np.uint8]
    mask: Mask | None


def _held(view: View) -> _Held | None:
    if view.image is None:
        return None
    size = view.picture.size
    mask = None if view.mask is None else repainted(view.mask, size)
    return _Held(np.asarray(view.picture.convert("RGB")), source_pixels(view.image, size), mask)


def _of(held: _Held | None, measure: Measure) -> float:
    return float("nan") if held is None else measure(held.picture, held.source, held.mask)


def _masked(measure: Callable[[NDArray[np.uint8], NDArray[np.uint8], Mask], float]) -> Measure:
    """A measure that says nothing where there is no mask."""
    return lambda picture, source, mask: float("nan") if mask is None else measure(picture, source, mask)


def _kept(mask: Mask | None) -> Mask | None:
    """What is held against the source: all of it, or what is outside the mask and its ring."""
    return None if mask is None else ~mask & ~ring(mask)


_MEASURES: dict[str, Measure] = {
    "ssim": lambda picture, source, mask: ssim(picture, source, where=_kept(mask)),
    "psnr": lambda picture, source, mask: psnr(picture, source, where=_kept(mask)),
    "outside": _masked(outside_error),
    "edge": _masked(edge_error),
}


def _distance(view: View) -> float:
    if view.converged is None:
        return float("nan")
    return rms_difference(np.asarray(view.picture.convert("RGB")), np.asarray(view.converged.convert("RGB")))

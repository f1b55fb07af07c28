"""Masks are what diffusers' own inpainting pipeline makes of them, and hold what they shall."""

from __future__ import annotations

import numpy as np
import torch
from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import (
    prepare_mask,
    prepare_mask_and_masked_image,
)
from numpy.typing import NDArray

from harness.catalog.drawing import SIDE
from harness.miniature import holes
from harness.miniature.data import Pictures


def _as_diffusers(mask: NDArray[np.bool_]) -> torch.Tensor:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    inverted, _ = prepare_mask_and_masked_image(picture, mask.astype(np.float32), SIDE, SIDE)
    return prepare_mask(torch.nn.functional.interpolate(inverted, (8, 8), mode="nearest"))


def test_masks_are_brought_down_as_diffusers_does() -> None:
    rng = np.random.default_rng(3)
    spots = rng.random((20, SIDE, SIDE)) < 0.05
    masks = np.concatenate([holes.white(holes.anywhere(40, rng)), holes.white(holes.everything(1)), spots])
    assert torch.equal(holes.kept(masks), torch.cat([_as_diffusers(mask) for mask in masks]))


def test_a_rectangle_around_a_shape_holds_it(some_pictures: Pictures) -> None:
    boxes = some_pictures.layout.boxes
    rectangles = holes.around(boxes, np.random.default_rng(4))
    assert (rectangles[:, :2] <= np.maximum(boxes[:, :2] + 0.5, 0)).all()
    assert (rectangles[:, 2:] >= np.minimum(boxes[:, 2:] - 0.5, SIDE)).all()


def test_all_kinds_of_masks_are_drawn() -> None:
    rectangles = holes.anywhere(300, np.random.default_rng(5))
    assert (rectangles[:, 2:] > rectangles[:, :2]).all() and rectangles.min() >= 0 and rectangles.max() <= SIDE
    at_border = (rectangles == np.array([0, 0, SIDE, SIDE])).sum(1)
    assert (at_border == 3).sum() > 50 and (at_border == 0).sum() > 50
    assert not holes.kept(holes.white(holes.everything(2))).any()

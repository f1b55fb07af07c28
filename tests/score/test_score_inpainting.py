"""What was to be kept: errors of known size at known places, and the pipelines' own idea of what is repainted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from harness.score.inpainting import LATENT, RING, edge_error, outside_error, ring

SIDE = 128


def box(left: int, top: int, right: int, bottom: int, side: int = SIDE) -> NDArray[np.bool_]:
    mask = np.zeros((side, side), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def source() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(20, 230, (SIDE, SIDE, 3), dtype=np.uint8)


MASK = box(40, 48, 72, 80)


def test_a_picture_that_is_pasted_back_has_no_error(source: NDArray[np.uint8]) -> None:
    picture = np.where((MASK | ring(MASK))[..., None], 255 - source, source).astype(np.uint8)
    assert outside_error(picture, source, MASK) == 0.0
    assert edge_error(picture, source, MASK) > 10.0


def test_the_error_is_the_planted_number_of_levels(source: NDArray[np.uint8]) -> None:
    brighter, darker = source + np.uint8(7), source - np.uint8(7)
    assert outside_error(brighter, source, MASK) == outside_error(darker, source, MASK) == 7.0
    at_the_edge = np.where(ring(MASK)[..., None], source + np.uint8(9), source)
    assert edge_error(at_the_edge, source, MASK) == 9.0 and outside_error(at_the_edge, source, MASK) == 0.0
    one = source.copy()
    one[0, 0, 0] += 30
    kept = SIDE**2 - (32 + 2 * RING) ** 2
    assert outside_error(one, source, MASK) == pytest.approx(30 / (3 * kept))


def test_the_ring_is_two_latents_wide() -> None:
    near = ring(MASK)
    assert RING == 2 * LATENT == 16
    assert near[60, 40 - 16] and not near[60, 40 - 17] and near[60, 71 + 16] and not near[60, 71 + 17]
    assert near[48 - 16, 40 - 16] and not near[60, 50]
    assert near.sum() == (32 + 32) ** 2 - 32**2


@pytest.mark.parametrize("seed", range(8))
def test_the_ring_holds_all_that_the_pipelines_repaint_and_less_would_not(seed: int) -> None:
    """The known answer: diffusers' own preparation of the mask, brought back to pixels."""
    from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import prepare_mask

    rng = np.random.default_rng(seed)
    left, top = rng.integers(16, 60, 2)
    width, height = rng.integers(9, 50, 2)
    mask = box(left, top, left + width, top + height)
    kept = F.interpolate(torch.from_numpy(~mask)[None, None].float(), (SIDE // LATENT,) * 2, mode="nearest")
    repainted = np.kron(prepare_mask(kept)[0, 0].numpy() == 0, np.ones((LATENT, LATENT))).astype(bool)
    assert not (repainted & ~mask & ~ring(mask)).any()


def test_fifteen_pixels_are_repainted_at_worst() -> None:
    """So that a ring of one latent would hold the model's own work against it."""
    from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import prepare_mask

    mask = box(40, 40, 65, 65)
    kept = F.interpolate(torch.from_numpy(~mask)[None, None].float(), (SIDE // LATENT,) * 2, mode="nearest")
    repainted = np.kron(prepare_mask(kept)[0, 0].numpy() == 0, np.ones((LATENT, LATENT))).astype(bool)
    assert np.flatnonzero(repainted[50]).max() - 64 == 15


def test_where_there_is_nothing_there_is_no_number(source: NDArray[np.uint8]) -> None:
    full, empty, wide = np.ones((SIDE, SIDE), dtype=bool), np.zeros((SIDE, SIDE), dtype=bool), box(10, 10, 118, 118)
    assert math.isnan(outside_error(source, source, full)) and math.isnan(edge_error(source, source, full))
    assert math.isnan(outside_error(source, source, wide)) and edge_error(source, source, wide) == 0.0
    assert outside_error(source, source, empty) == 0.0 and math.isnan(edge_error(source, source, empty))

"""Masks and hints as the guide hands them over."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from pipelines.guide import make_hint

from harness.pipelines.inputs import hint_tensor, mask_array, resized


def test_a_mask_is_the_guides_array() -> None:
    mask = np.zeros((768, 512), dtype=np.float32)
    mask[:250, 250:-250] = 1  # the guide's
    found = mask_array(Image.fromarray((mask * 255).astype("uint8")), 768, 512)
    assert found.dtype == np.float32 and np.array_equal(found, mask)


def test_a_mask_of_another_size_is_resized_as_the_pipelines_do() -> None:
    mask = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    theirs = np.asarray(mask.resize((32, 16), resample=Image.LANCZOS)).astype(np.float32) / 255.0
    assert np.array_equal(mask_array(mask, 16, 32), theirs)
    assert np.array_equal(mask_array(mask.convert("RGB"), 16, 32), theirs)


def test_a_mask_is_made_anew_for_each_call() -> None:
    mask = Image.fromarray(np.full((8, 8), 100, np.uint8))
    first = mask_array(mask, 8, 8)
    first[:] = 0
    assert mask_array(mask, 8, 8).max() == np.float32(100) / np.float32(255)


def test_a_hint_is_the_guides_tensor() -> None:
    depth = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    found = hint_tensor(depth, 8, 8)
    assert found.shape == (1, 3, 8, 8) and found.dtype == torch.float32
    assert torch.equal(found, make_hint(depth))
    assert torch.equal(hint_tensor(depth.convert("RGB"), 8, 8), found)
    assert torch.equal(hint_tensor(depth, 16, 24), make_hint(depth.resize((24, 16))))


def test_channels_of_a_coloured_hint_stay_apart() -> None:
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[..., 1], colours[..., 2] = 51, 255
    assert hint_tensor(Image.fromarray(colours), 8, 8)[0, :, 0, 0].tolist() == [0.0, 0.20000000298023224, 1.0]


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    picture = Image.new("RGB", (64, 32))
    assert resized(picture, 32, 64) is picture and resized(picture, 64, 64).size == (64, 64)

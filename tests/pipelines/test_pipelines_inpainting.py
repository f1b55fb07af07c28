"""What inpainting keeps: 2.2 puts the source's latents back outside the mask, 2.1 does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import (
    prepare_mask,
    prepare_mask_and_masked_image,
)
from PIL import Image

from harness.catalog.drawing import draw
from harness.catalog.models import MODELS
from harness.catalog.world import Scene
from harness.pipelines.inputs import mask_array
from harness.pipelines.load import Loaded, load_group
from harness.plan.types import LoadGroup

BOX = (32, 0, 64, 40)
SOURCE = Scene("square", "red", "green", "small", "left")


def _loaded(version: str) -> Loaded:
    group = LoadGroup(
        id="g", model=f"mini-{version}", task="inpainting", api="two-stage", dtype="float32", optimizations=(), cells=()
    )
    return load_group(group, MODELS[f"mini-{version}"], "cpu")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """2.2's latents after five steps, the source's, and where they are kept (1)."""
    torch.set_num_threads(1)
    loaded = _loaded("2.2")
    picture = Image.fromarray(draw([SOURCE], np.random.default_rng(0))[0])
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, BOX)
    embeds = loaded.prior("a large blue star on the right of a green background", num_inference_steps=5,
                          generator=torch.Generator().manual_seed(0))  # fmt: skip
    latents = loaded.decoder(
        image_embeds=embeds.image_embeds, negative_image_embeds=embeds.negative_image_embeds, image=picture,
        mask_image=mask_array(mask, 64, 64), height=64, width=64, num_inference_steps=5, output_type="latent",
        generator=torch.Generator().manual_seed(0),
    ).images  # fmt: skip
    whole, pixels = prepare_mask_and_masked_image(picture, mask_array(mask, 64, 64), 64, 64)
    kept = prepare_mask(torch.nn.functional.interpolate(whole, (8, 8), mode="nearest"))
    with torch.no_grad():
        return {"latents": latents, "source": loaded.decoder.movq.encode(pixels).latents, "kept": kept}


def test_latents_outside_the_mask_are_the_sources(made: dict[str, Any]) -> None:
    kept = made["kept"].expand_as(made["latents"]) == 1
    assert 0.2 < kept.float().mean() < 0.8
    assert torch.equal(made["latents"][kept], made["source"][kept])
    assert (made["latents"][~kept] - made["source"][~kept]).abs().mean() > 0.1  # and inside it something was painted

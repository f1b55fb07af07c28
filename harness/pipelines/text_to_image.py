"""Text-to-image as diffusers' guide writes it: the prior, then the decoder, one generator for each picture.

A picture's generator is a CPU one seeded with its row's seed; it goes through the prior and on through the decoder. Its
state after the prior is part of the prior's result, so that decoding a stored prior goes on where the guide's would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.pipelines.failures import memory_guard, not_a_number
from harness.pipelines.load import Loaded
from harness.pipelines.prior_result import PriorResult
from harness.pipelines.rows import prior_parts
from harness.plan.types import InputRow, Settings


def run_prior(loaded: Loaded, settings: Settings, rows: Sequence[InputRow]) -> PriorResult:
    """Image embeddings for ``rows``, in one batch (rows with and without a negative prompt in one batch each).

    Raises:
        PictureError: out of memory, or embeddings that are not finite numbers.
    """
    generators = [torch.Generator().manual_seed(row.seed) for row in rows]
    embeds: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    negatives = list(embeds)
    with memory_guard(loaded.device):
        for part in prior_parts(rows):
            wanted, unwanted = _prior_call(loaded, settings, [rows[i] for i in part], [generators[i] for i in part])
            for position, i in enumerate(part):
                embeds[i], negatives[i] = wanted[position], unwanted[position]
        image_embeds, negative_image_embeds = torch.stack(embeds), torch.stack(negatives)
    if not bool(torch.isfinite(image_embeds).all() and torch.isfinite(negative_image_embeds).all()):
        raise not_a_number("the prior's embeddings", settings.dtype)
    return PriorResult(image_embeds, negative_image_embeds, torch.stack([g.get_state() for g in generators]))


def _prior_call(
    loaded: Loaded, settings: Settings, rows: list[InputRow], generators: list[torch.Generator]
) -> tuple[torch.Tensor, torch.Tensor]:
    negative = [row.negative_prompt for row in rows if row.negative_prompt is not None]
    output = loaded.prior(
        [row.prompt for row in rows],
        negative or None,
        # With negative prompts the pipeline draws noise for 2n rows, the negatives' after the prompts'.
        generator=generators * 2 if negative else generators,
        num_inference_steps=settings.prior_num_inference_steps,
        guidance_scale=settings.prior_guidance_scale,
    )
    wanted, unwanted = output.to_tuple()
    return wanted, unwanted


def run_decoder(loaded: Loaded, settings: Settings, scheduler: Any, prior: PriorResult) -> NDArray[np.uint8]:
    """Pictures (n, height, width, 3), 0..255, the same to the bit as ``output_type="pil"`` gives.

    Args:
        loaded: the pipelines; their decoder takes ``scheduler``.
        settings: of the cell.
        scheduler: a fresh one of ``build_scheduler``.
        prior: of the same rows, from ``run_prior`` or the store.

    Raises:
        PictureError: out of memory, or pictures that are not finite numbers.
    """
    loaded.decoder.scheduler = scheduler
    with memory_guard(loaded.device):
        # The pipeline moves the embeddings itself only if guidance_scale > 1.
        images: NDArray[np.float32] = loaded.decoder(
            image_embeds=prior.image_embeds.to(loaded.device),
            negative_image_embeds=prior.negative_image_embeds.to(loaded.device),
            generator=[_generator(state) for state in prior.generator_states],
            height=settings.height,
            width=settings.width,
            num_inference_steps=settings.num_inference_steps,
            guidance_scale=settings.guidance_scale,
            output_type="np",
        ).images
    if not np.isfinite(images).all():
        raise not_a_number("the pictures", settings.dtype)
    return (images * 255).round().astype(np.uint8)  # diffusers' numpy_to_pil


def _generator(state: torch.Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state.clone())  # torch 2.15 crashes on a view into a larger tensor
    return generator

"""Pictures as diffusers' guide makes them: the decoder after its prior, or a combined pipeline at one go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.pipelines.arguments import decoder_arguments, require_possible
from harness.pipelines.failures import memory_guard, not_a_number
from harness.pipelines.inputs import NO_INPUTS, Inputs
from harness.pipelines.load import Loaded
from harness.pipelines.prior_result import PriorResult
from harness.pipelines.rows import decoder_parts
from harness.plan.types import InputRow, Settings

Floats = NDArray[np.float32]


def run_decoder(
    loaded: Loaded,
    settings: Settings,
    scheduler: Any,
    prior: PriorResult | None,
    rows: Sequence[InputRow],
    inputs: Inputs = NO_INPUTS,
) -> NDArray[np.uint8]:
    """Pictures (n, height, width, 3), 0..255, the same to the bit as ``output_type="pil"`` gives.

    Args:
        loaded: the pipelines; their decoder takes ``scheduler``.
        settings: of the cell.
        scheduler: a fresh one of ``build_scheduler``.
        prior: of the same rows, from ``run_prior`` or the store; ``None`` for a combined pipeline.
        rows: the batch.
        inputs: what the rows bring beside their prompts.

    Raises:
        PictureError: out of memory, or pictures that are not finite numbers.
        UsageError: a strength that leaves no step, or a size that diffusers cannot make.
    """
    require_possible(settings, loaded.model.version)
    loaded.turn_to(loaded.part)
    loaded.set_scheduler(scheduler)
    with memory_guard(loaded.device):
        if prior is None:
            made = [_combined_call(loaded, settings, row, inputs) for row in rows]
        else:
            parts = decoder_parts(settings.task, len(rows))
            made = [_decoder_call(loaded, settings, part, prior, rows, inputs) for part in parts]
        images = np.concatenate(made)
    if not np.isfinite(images).all():
        raise not_a_number("the pictures", settings.dtype)
    return _pictures(loaded.decoder, images, (len(rows), settings.height, settings.width, 3))


def _decoder_call(
    loaded: Loaded,
    settings: Settings,
    part: Sequence[int],
    prior: PriorResult,
    rows: Sequence[InputRow],
    inputs: Inputs,
) -> Floats:
    chosen = [rows[i] for i in part]
    arguments = decoder_arguments(loaded, settings, chosen, inputs)
    if loaded.model.version == "2.1":  # its decoder reads the prompts too; to it no negative prompt is an empty one
        arguments["prompt"] = [row.prompt for row in chosen]
        arguments["negative_prompt"] = [row.negative_prompt or "" for row in chosen]
    images: Floats = loaded.decoder(
        # The pipelines move the embeddings themselves only if guidance_scale > 1.
        image_embeds=prior.image_embeds[part].to(loaded.device),
        negative_image_embeds=prior.negative_image_embeds[part].to(loaded.device),
        generator=[_resumed(prior.generator_states[i]) for i in part],
        output_type="np",
        **arguments,
    ).images
    return images


def _combined_call(loaded: Loaded, settings: Settings, row: InputRow, inputs: Inputs) -> Floats:
    """One row by itself: 2.x fails on a list of generators with a negative prompt, and on 3 a row's picture would
    depend on the longest prompt of its company."""
    arguments = decoder_arguments(loaded, settings, [row], inputs)
    if settings.prior_num_inference_steps is not None:
        arguments["prior_num_inference_steps"] = settings.prior_num_inference_steps
        arguments["prior_guidance_scale"] = settings.prior_guidance_scale
    images: Floats = loaded.combined(
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        generator=torch.Generator().manual_seed(row.seed),
        output_type="np",
        **arguments,
    ).images
    return images


def _pictures(pipeline: Any, images: Floats, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """By the pipeline's own conversion, which ``output_type="pil"`` calls: a fault in it shows as it would there."""
    found = np.stack([np.asarray(picture) for picture in pipeline.numpy_to_pil(images)])
    if found.shape != shape:
        raise RuntimeError(f"the pipeline made pictures of {found.shape}, not {shape}")
    return found


def _resumed(state: torch.Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state.clone())  # torch 2.15 crashes on a view into a larger tensor
    return generator

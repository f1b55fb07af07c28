"""Image embeddings as diffusers' guide makes them, one generator for each picture.

A picture's generator is a CPU one seeded with its row's seed; it goes through the prior and on through the decoder. Its
state after the prior is part of the prior's result, so that decoding a stored prior goes on where the guide's would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.catalog.types import Task
from harness.errors import UsageError
from harness.pipelines.failures import memory_guard, not_a_number
from harness.pipelines.inputs import NO_INPUTS, Inputs
from harness.pipelines.load import Loaded
from harness.pipelines.prior_result import PriorResult
from harness.pipelines.rows import prior_parts
from harness.pipelines.steps import require_steps
from harness.plan.types import InputRow, Settings

Embeds = tuple[torch.Tensor, torch.Tensor]
"""What the decoder is guided to, and away from: each (n, d)."""


def run_prior(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs = NO_INPUTS) -> PriorResult:
    """Image embeddings for ``rows``: from texts in one batch (rows with and without a negative prompt in one each),
    from mixtures and from pictures one by one.

    Raises:
        PictureError: out of memory, or embeddings that are not finite numbers.
        UsageError: a strength that leaves no step, or a mixture without a weight for each of its things.
    """
    require_steps(settings.prior_num_inference_steps, settings.prior_strength, "prior_")
    loaded.turn_to("prior")
    generators = [torch.Generator().manual_seed(row.seed) for row in rows]
    with memory_guard(loaded.device):
        image_embeds, negative_image_embeds = _embeds(loaded, settings, rows, generators, inputs)
    if not bool(torch.isfinite(image_embeds).all() and torch.isfinite(negative_image_embeds).all()):
        raise not_a_number("the prior's embeddings", settings.dtype)
    return PriorResult(image_embeds, negative_image_embeds, torch.stack([g.get_state() for g in generators]))


def _embeds(
    loaded: Loaded, settings: Settings, rows: Sequence[InputRow], generators: list[torch.Generator], inputs: Inputs
) -> Embeds:
    single = _SINGLE.get(settings.task)
    if single is None:
        return _of_texts(loaded, settings, rows, generators)
    pairs = [single(loaded, settings, row, g, inputs) for row, g in zip(rows, generators, strict=True)]
    return torch.cat([wanted for wanted, _ in pairs]), torch.cat([unwanted for _, unwanted in pairs])


def _of_texts(
    loaded: Loaded, settings: Settings, rows: Sequence[InputRow], generators: list[torch.Generator]
) -> Embeds:
    embeds: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    negatives = list(embeds)
    for part in prior_parts(rows):
        wanted, unwanted = _prior_call(loaded, settings, [rows[i] for i in part], [generators[i] for i in part])
        for position, i in enumerate(part):
            embeds[i], negatives[i] = wanted[position], unwanted[position]
    return torch.stack(embeds), torch.stack(negatives)


def _prior_call(
    loaded: Loaded, settings: Settings, rows: list[InputRow], generators: list[torch.Generator]
) -> tuple[torch.Tensor, torch.Tensor]:
    negative = [row.negative_prompt for row in rows if row.negative_prompt is not None]
    output = loaded.prior(
        [row.prompt for row in rows],
        negative or None,
        # With negative prompts the pipeline draws noise for 2n rows, the negatives' after the prompts'.
        generator=generators * 2 if negative else generators,
        **_knobs(settings),
    )
    wanted, unwanted = output.to_tuple()
    return wanted, unwanted


def _of_mix(loaded: Loaded, settings: Settings, row: InputRow, generator: torch.Generator, inputs: Inputs) -> Embeds:
    """The guide's interpolation: what each text and each picture comes to, by its weight."""
    things = [inputs.pictures[thing.image] if thing.image is not None else thing.text for thing in row.mix]
    negative = {} if row.negative_prompt is None else {"negative_prompt": row.negative_prompt}
    output = loaded.prior.interpolate(
        things, list(weights_of(settings, row)), generator=generator, **negative, **_knobs(settings)
    )
    return output.image_embeds, output.negative_image_embeds


def weights_of(settings: Settings, row: InputRow) -> tuple[float, ...]:
    """The weights of a row's mixture: the cell's, or its own.

    Raises:
        UsageError: there is not one for each of its things.
    """
    weights = settings.weights if settings.weights is not None else row.weights
    if weights is None or len(weights) != len(row.mix):
        raise UsageError(
            f"The mixture of {row.id} has {len(row.mix)} things and {len(weights or ())} weights.",
            expected="a weight for each",
        )
    return weights


def _of_picture(
    loaded: Loaded, settings: Settings, row: InputRow, generator: torch.Generator, inputs: Inputs
) -> Embeds:
    """The guide's ControlNet image-to-image: prompt and negative prompt each start from the picture's embedding."""
    picture = inputs.pictures[str(row.image)]
    output = loaded.prior(
        prompt=row.prompt, image=picture, strength=settings.prior_strength, generator=generator, **_knobs(settings)
    )
    if row.negative_prompt is None:
        return output.image_embeds, output.negative_image_embeds
    against = loaded.prior(
        prompt=row.negative_prompt, image=picture, strength=1, generator=generator, **_knobs(settings)
    )
    return output.image_embeds, against.image_embeds


def _knobs(settings: Settings) -> dict[str, Any]:
    return {
        "num_inference_steps": settings.prior_num_inference_steps,
        "guidance_scale": settings.prior_guidance_scale,
    }


_Single = Callable[[Loaded, Settings, InputRow, torch.Generator, Inputs], Embeds]
_SINGLE: dict[Task, _Single] = {"interpolation": _of_mix, "controlnet-depth-image-to-image": _of_picture}

"""One walk through diffusers' own pipeline: its real loop around an ideal denoiser."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import torch

from harness.catalog.tasks import default_api, pipelines_of
from harness.catalog.types import Task, Version
from harness.proof.components import (
    LATENT_CHANNELS,
    IdealUNet,
    NoMeaning,
    NoWords,
    PassingMovq,
    embeddings,
    text_states,
)
from harness.proof.levels import Levels, levels_of
from harness.proof.problems import PROBLEMS, Problem
from harness.schedulers.adapter import index_with_whole_numbers


@dataclass(frozen=True)
class Course:
    """What is walked: a task of a version, and how.

    ``guidance_scale``: above 1 the pipelines take another path, and the answer is the same.
    """

    version: Version
    task: Task
    steps: int
    strength: float | None = None
    guidance_scale: float = 1.0
    problems: tuple[Problem, ...] = PROBLEMS


@dataclass(frozen=True)
class Walk:
    """What happened. Tensors: (n, 4, height, width).

    ``start``: latents that the denoiser was first asked about, at
    ``start_timestep`` and its level ``start_alpha``. ``end``: those that were
    decoded, at the scheduler's own last level ``end_alpha``. ``calls``: of the denoiser.
    """

    course: Course
    start: torch.Tensor
    start_timestep: float
    start_alpha: float
    end: torch.Tensor
    end_alpha: float
    calls: int


def walk(
    course: Course,
    scheduler: Any,
    latents: torch.Tensor,
    *,
    generators: Sequence[torch.Generator] | None = None,
    mask: torch.Tensor | None = None,
    late: int = 0,
) -> Walk:
    """Call the pipeline once.

    Args:
        course: what to walk.
        scheduler: a fresh one, bare or in the adapter.
        latents: (n, 4, height, width): the noise to begin with, or for a task that starts from a picture, its latents.
        generators: one a row; by default seeds 0, 1, ….
        mask: (height, width) of an inpainting task: 1 where it paints; ``latents`` is the noise, the source is nought.
        late: a fault to be planted, in timesteps.
    """
    own = [torch.Generator().manual_seed(row) for row in range(len(latents))]
    drawing = list(generators) if generators is not None else own
    pipeline = _pipeline(course, scheduler, levels_of(course.version), latents, late)
    with torch.no_grad(), quiet():
        pipeline(**_arguments(course, latents, mask), generator=drawing, output_type="pt")
    unet: IdealUNet = pipeline.unet
    assert unet.first is not None  # the loop ran
    rows = slice(0, len(latents))  # under guidance the rows come twice
    return Walk(
        course=course,
        start=unet.first[rows],
        start_timestep=unet.first_timestep,
        start_alpha=unet.levels.alpha(unet.first_timestep),
        end=pipeline.movq.decoded,
        end_alpha=final_alpha(getattr(scheduler, "inner", scheduler)),
        calls=unet.calls,
    )


def final_alpha(scheduler: Any) -> float:
    """The level at which a bare scheduler's last step ends."""
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is not None:
        return 1 / (1 + float(sigmas[-1]) ** 2)
    return float(getattr(scheduler, "final_alpha_cumprod", 1.0))


def source_of(course: Course, latents: torch.Tensor) -> torch.Tensor:
    """What the MoVQ's encoder gives: the picture's latents, or for inpainting a constant that no problem would make."""
    return torch.full_like(latents, SOURCE) if course.task == "inpainting" else latents


SOURCE = 0.75


def _pipeline(course: Course, scheduler: Any, levels: Levels, latents: torch.Tensor, late: int) -> Any:
    found = pipelines_of(course.task, course.version)
    name = found.of(default_api(course.version))
    assert name is not None
    movq = PassingMovq(source_of(course, latents))
    learned = scheduler.config.get("variance_type") == "learned_range"
    variance = None if course.version == "3" else "ideal" if learned else "unread"
    channels = 2 * LATENT_CHANNELS + 1 if course.task == "inpainting" else LATENT_CHANNELS
    unet = IdealUNet(course.problems, levels, variance=variance, in_channels=channels, late=late)
    unet.scheduler = getattr(scheduler, "inner", scheduler)
    parts: dict[str, Any] = {"unet": unet, "scheduler": scheduler, "movq": movq}
    if course.version != "2.2":
        parts |= {"tokenizer": NoWords(), "text_encoder": NoMeaning()}
    pipeline = getattr(diffusers, name)(**parts)
    pipeline.set_progress_bar_config(disable=True)
    if course.version == "2.1" and course.task == "image-to-image":
        index_with_whole_numbers(pipeline)
    return pipeline


def _arguments(course: Course, latents: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
    rows, _, height, width = latents.shape
    known: dict[str, Any] = {"num_inference_steps": course.steps, "guidance_scale": course.guidance_scale}
    if course.version == "3":
        known |= text_states(rows)
    else:
        known |= {"image_embeds": embeddings(rows), "negative_image_embeds": embeddings(rows)}
    if course.version == "2.1":
        known["prompt"] = [""] * rows
    if course.task in ("text-to-image", "inpainting", "controlnet-depth-text-to-image"):
        known["latents"] = latents
    if course.version != "3":
        known |= {"height": height, "width": width}
    elif course.task == "text-to-image":  # its factor of eight is written into its code
        known |= {"height": 8 * height, "width": 8 * width}
    if "image-to-image" in course.task:
        known |= {"image": latents, "strength": course.strength}
    if course.task == "inpainting":
        assert mask is not None
        picture = torch.zeros(rows, 3, height, width)
        known |= {"image": picture, "mask_image": mask.expand(rows, 1, height, width).clone()}
    if course.task.startswith("controlnet"):
        known["hint"] = torch.zeros(rows, 3, height, width)
    return known


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """diffusers warns of keywords in a configuration that another class brought; here that is what is meant."""
    logger = logging.getLogger("diffusers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)

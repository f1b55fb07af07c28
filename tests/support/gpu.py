"""What the tests on a CUDA device share: the miniature on it, its pictures, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.catalog.models import MODELS
from harness.catalog.tasks import default_api
from harness.catalog.types import Api, DType, OptimizationChoice, Version
from harness.pipelines.decoder import run_decoder
from harness.pipelines.load import Loaded, load_group
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import InputRow, LoadGroup, SchedulerChoice, Settings

DEVICE = "cuda:0"
Stack = tuple[OptimizationChoice, ...]
Pictures = NDArray[np.uint8]
ROWS = tuple(
    InputRow(id=f"p{place}-s0", prompt_id=f"p{place}", prompt=prompt, negative_prompt=None, seed=place)
    for place, prompt in enumerate(("a large red circle on a white background", "a small blue square"))
)


def stack_of(*choices: str | tuple[str, dict[str, str | bool]]) -> Stack:
    """A stack from names, or names with options."""
    named = [(choice, {}) if isinstance(choice, str) else choice for choice in choices]
    return tuple(OptimizationChoice(name=name, options=options) for name, options in named)


def load(dtype: DType = "float32", stack: Stack = (), version: Version = "2.2", api: Api | None = None) -> Loaded:
    """The miniature for text-to-image, on the device, as the harness loads it for a run."""
    group = LoadGroup(id="g", model=f"mini-{version}", task="text-to-image", api=api or default_api(version),
                      dtype=dtype, optimizations=stack, cells=())  # fmt: skip
    return load_group(group, MODELS[group.model], DEVICE)


def pictures(loaded: Loaded, scheduler: str | None = None, steps: int = 10) -> Pictures:
    """(2, height, width, 3), of the two rows in one batch."""
    settings = _settings(loaded, scheduler, steps)
    made, _ = build_scheduler(loaded, settings.scheduler)
    prior = None if loaded.combined is not None else run_prior(loaded, settings, ROWS)
    return run_decoder(loaded, settings, made, prior, ROWS)


def apart(first: Pictures, second: Pictures) -> float:
    """Mean difference in levels of 255."""
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def one_apart(found: Sequence[Pictures]) -> float:
    """How far the two rows' own pictures are from each other: what a wrong picture would be off by."""
    return min(apart(batch[0], batch[1]) for batch in found)


def _settings(loaded: Loaded, scheduler: str | None, steps: int) -> Settings:
    height, width = loaded.model.default_size
    has_prior = loaded.model.version != "3"
    choice = SchedulerChoice(label=scheduler or "model default", class_name=scheduler)
    known: dict[str, Any] = {"model": loaded.model.name, "task": "text-to-image", "api": loaded.group.api}
    return Settings(
        **known,
        dtype=loaded.group.dtype,
        height=height,
        width=width,
        guidance_scale=4.0,
        num_inference_steps=steps,
        prior_guidance_scale=4.0 if has_prior else None,
        prior_num_inference_steps=5 if has_prior else None,
        scheduler=choice,
        optimizations=loaded.group.optimizations,
        batch_size=len(ROWS),
    )

"""What is tried: a scheduler made from a variant, as the harness makes it or as a planted fault would."""

from __future__ import annotations

import copy
from typing import Any

import diffusers

from harness.catalog.scheduler_rows import READS_VARIANCE
from harness.catalog.schedulers import SUFFIX
from harness.catalog.types import SchedulerVariant, Version
from harness.proof.levels import base_config, levels_of
from harness.proof.problems import INSIDE, PROBLEMS, Problem
from harness.proof.walk import quiet
from harness.schedulers.make import make_scheduler, recipe_for

_MADE: dict[tuple[str, Version, float | None], Any] = {}


def made(variant: SchedulerVariant, version: Version, strength: float | None = None) -> Any:
    """A fresh scheduler for a version's decoder, as the harness makes it.

    A copy of one that was made once: some lay out a thousand steps in their constructor, longer than a walk takes.
    """
    key = (variant.model_dump_json(), version, strength)
    if key not in _MADE:
        _MADE[key] = _make(variant, version, strength)
    return copy.deepcopy(_MADE[key])


def _make(variant: SchedulerVariant, version: Version, strength: float | None) -> Any:
    class_name, base = variant.name + SUFFIX, _base(variant, version)
    alphas = levels_of(version).alphas_cumprod
    recipe = recipe_for(class_name, base, variant.config, variant.step, alphas_cumprod=alphas, strength=strength)
    with quiet():
        return make_scheduler(recipe, base, alphas)


def bare(variant: SchedulerVariant, version: Version) -> Any:
    """The same without the adapter, as diffusers' guide makes it."""
    base = {key: value for key, value in _base(variant, version).items() if key != "variance_type"}
    with quiet():
        return getattr(diffusers, variant.name + SUFFIX).from_config(base, **variant.config)


def problems_for(variant: SchedulerVariant) -> tuple[Problem, ...]:
    """What a variant can be right on: one that clips pictures to -1..1, on data that stays inside."""
    clips = variant.config.get("thresholding") or variant.config.get("clip_sample")
    return (INSIDE,) * len(PROBLEMS) if clips else PROBLEMS


def _base(variant: SchedulerVariant, version: Version) -> dict[str, Any]:
    """A class that reads the variance half says itself how; every other does without."""
    base = base_config(version)
    if variant.name + SUFFIX in READS_VARIANCE:
        base.pop("variance_type")
    return base

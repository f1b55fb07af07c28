"""Without the adapter, and what is refused: what it raises, or the error that stays however many steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch

from harness.catalog.schedulers import adapter_of
from harness.catalog.types import SchedulerVariant, Version
from harness.proof.deterministic import largest
from harness.proof.levels import levels_of
from harness.proof.naming import named
from harness.proof.problems import UNIT, even_noise, flow
from harness.proof.subjects import bare
from harness.proof.types import Attempt
from harness.proof.walk import Course, Walk, walk
from harness.schedulers.adapter import KandinskyScheduler

STEPS = (32, 128, 250)
#: an error above it is no discretisation's: right ones are below it from 32 steps on
STAYS = 0.05
#: below that, one that more steps do not bring down: a right one's would halve
STANDS_STILL, HARDLY = 0.75, 0.02
_SIDE, _TOP = 32, 999.0
#: without it they take fifty steps at the most
_CONFIG: dict[str, dict[str, Any]] = {name: {"original_inference_steps": STEPS[-1]} for name in ("LCM", "TCD")}
_VERSION: dict[str, Version] = {"UnCLIP": "3"}  # the only noise schedule that it takes


def attempts(name: str) -> list[Attempt]:
    """Of a refused class: bare, and in the adapter."""
    variant = SchedulerVariant(name=name, config=_CONFIG.get(name, {}))
    return [_attempt(name, variant, how) for how in ("bare", "adapter")]


def worth_trying_bare(variants: Sequence[SchedulerVariant]) -> list[SchedulerVariant]:
    """Each class with its defaults, and the variants that take more of the adapter than their class does.

    Not those whose steps take arguments of their own: no pipeline passes them, and bare they are their class.
    """
    return [one for one in variants if not one.step and (not one.config or _takes(one) != adapter_of(one.name, {}, {}))]


def _takes(variant: SchedulerVariant) -> str:
    return adapter_of(variant.name, variant.config, variant.step)


def without_adapter(variant: SchedulerVariant) -> Attempt:
    """Of a variant that is right: what it would do if it were handed to the pipeline as it is."""
    return _attempt(named(variant), variant, "bare")


def _attempt(name: str, variant: SchedulerVariant, how: Literal["bare", "adapter"]) -> Attempt:
    try:
        draws = largest(_walk(variant, how, STEPS[0], 0).end - _walk(variant, how, STEPS[0], 1).end) > 0
        errors = [_error(_walk(variant, how, steps, 0), draws) for steps in STEPS]
    except Exception as error:  # whatever it is: that is the finding
        first = (str(error).strip().splitlines() or [""])[0]
        return Attempt(name=name, how=how, raised=f"{type(error).__name__}: {first}"[:160])
    return Attempt(name=name, how=how, raised=None, steps=STEPS, errors=tuple(errors))


def _error(done: Walk, draws: bool) -> float:
    """Against the flow from noise to data; of one that draws noise, the larger of its mean's and its width's error."""
    end = done.end[:, 0].double()
    if draws:
        return max(abs(float(end.mean()) - UNIT.mean), abs(float(end.std()) - UNIT.width))
    top = levels_of(done.course.version).alpha(_TOP)
    return float((end - flow(UNIT, done.start[:, 0], top, 1.0)).abs().mean())


def _walk(variant: SchedulerVariant, how: str, steps: int, seed: int) -> Walk:
    version = _VERSION.get(variant.name, "2.2")
    scheduler: Any = bare(variant, version)
    if how == "adapter":
        scheduler = KandinskyScheduler(scheduler)
    even = even_noise(_SIDE**2).float().reshape(1, 1, _SIDE, _SIDE).repeat(1, 4, 1, 1)
    generators = [torch.Generator().manual_seed(seed)]
    return walk(Course(version, "text-to-image", steps), scheduler, even, generators=generators)

"""Counts of steps one by one: where a variant that is right otherwise raises, loses its numbers, or goes wrong."""

from __future__ import annotations

import math
from typing import NamedTuple

from harness.catalog.scheduler_faults import wrong_for_kandinsky
from harness.catalog.schedulers import SUFFIX, is_stochastic
from harness.catalog.types import SchedulerVariant, Task, Version
from harness.catalog.unstable_steps import unstable
from harness.proof.deterministic import errors_of, once
from harness.proof.levels import base_config
from harness.proof.subjects import problems_for
from harness.proof.types import Unsteady
from harness.proof.walk import Course, Walk

COUNTS = (*range(1, 13), 16, 20, 25, 30, 32, 40, 50, 64, 75, 100, 125, 128, 150, 250, 300)
MIDDLE = (*range(2, 13), 16, 25, 32, 64, 100, 125, 128)
_BRIEF = 64  # what a stochastic one is walked to: an error of discretisation is told from its chain, not here
_STRENGTH = 0.5
_LADDER = (16, 32, 64, 125)
_MARGIN, _FLOOR = 1.5, 0.02  # twice the bar: below it an error wavers with the count
#: What is wider than the data by so much, or whose mean is so far off, has overshot. The catalog's counts are from a
#: half on: here is room for chance, for a stochastic one's few points.
_WIDER, _OFF = 0.75, 0.3


class Walked(NamedTuple):
    """A variant's walks over counts of steps."""

    version: Version
    task: Task
    strength: float | None
    counts: tuple[int, ...]


WALKS = (
    Walked("2.2", "text-to-image", None, COUNTS),
    Walked("2.2", "image-to-image", _STRENGTH, MIDDLE),
    Walked("3", "text-to-image", None, COUNTS),
)


def scan(variant: SchedulerVariant) -> list[Unsteady]:
    """What happened at each count of steps where something did."""
    return [
        Unsteady(variant=variant, version=walked.version, task=walked.task, steps=steps, happened=what,
                 told=told(variant, walked.version, steps, walked.strength))
        for walked in WALKS
        if wrong_for_kandinsky(variant.name + SUFFIX, variant.config, walked.version) is None
        for steps, what in _unsteady(variant, walked)
    ]  # fmt: skip


def told(variant: SchedulerVariant, version: Version, steps: int, strength: float | None = None) -> bool:
    """Whether the catalog knows of it."""
    taken = None if strength is None else int(steps * strength)
    return unstable(variant.name, {**base_config(version), **variant.config}, steps, taken) is not None


def _unsteady(variant: SchedulerVariant, walked: Walked) -> list[tuple[int, str]]:
    """First order's envelope is drawn from a few counts; it is for deterministic ones."""
    fixed = not is_stochastic(variant.name, variant.config, variant.step)
    found = {n: _walk(variant, walked, n) for n in walked.counts if fixed or n <= _BRIEF}
    errors = {n: errors_of(done)[0] for n, done in found.items() if isinstance(done, Walk)} if fixed else {}
    known = [n * errors[n] for n in _LADDER if math.isfinite(errors.get(n, math.nan))]
    constant = max(known, default=math.inf)
    happened = []
    for steps, done in found.items():
        what = done if isinstance(done, str) else overshoot(done, _WIDER, _OFF)
        allowed = max(_MARGIN * constant / steps * _rise(steps), _FLOOR)
        if what is None and errors.get(steps, 0.0) > allowed:
            what = f"error {errors[steps]:.3f}"
        if what is not None:
            happened.append((steps, what))
    return happened


def overshoot(done: Walk, wider: float, off: float) -> str | None:
    """In words, what is no number, or further than that from the data's width (relative) or mean; else ``None``."""
    end, true = done.end[:, 0].double(), done.course.problems[0].at(done.end_alpha)
    width, mean = float(end.std()) / true.width - 1, float(end.mean()) - true.mean
    if not math.isfinite(width):
        return "not a number"
    if width > wider:
        return f"width {100 * width:+.0f} %"
    return f"mean off by {mean:+.2f}" if abs(mean) > off else None


def _rise(steps: int) -> float:
    """Below the ladder a solver of up to fifth order loses what it has gained above first order there."""
    return max(1.0, _LADDER[0] / steps) ** 4


def _walk(variant: SchedulerVariant, walked: Walked, steps: int) -> Walk | str:
    course = Course(walked.version, walked.task, steps, walked.strength, problems=problems_for(variant))
    try:
        return once(variant, course)
    except Exception as error:  # whatever it is: that is the finding
        return f"{type(error).__name__}: {error}"[:120]

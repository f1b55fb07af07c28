"""Deterministic schedulers: each starting point must be carried to where the probability flow carries it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from harness.catalog.types import SchedulerVariant, Task, Version
from harness.catalog.unstable_steps import unstable
from harness.proof.components import LATENT_CHANNELS
from harness.proof.levels import base_config, levels_of, sigma_of_alpha
from harness.proof.problems import PROBLEMS, Problem, even_noise, flow
from harness.proof.subjects import made, problems_for
from harness.proof.types import Convergence
from harness.proof.walk import SOURCE, Course, Walk, walk

#: Counts of steps: the first of these all of which are good for a variant.
LADDERS = ((16, 25, 32, 64, 128), (20, 25, 50, 62, 125), (64, 80, 100, 128))
#: of those, the counts of which a start in the middle leaves so many: with fewer, where it begins is rounded too far
_LEAST_TAKEN = 12
GUIDED = 4.0
_SIDE, _IMAGE_SIDE = 8, 32
_SAME, _FAR = 2e-5, 4.5  # single precision; the widest noise of some thousand draws
_CLEAN = 1e-12  # as good as no signal at all


def ladder(variant: SchedulerVariant, version: Version, strength: float | None = None) -> tuple[int, ...]:
    """The counts of steps at which a variant is measured: none at which the catalog says that it goes wrong."""
    config = {**base_config(version), **variant.config}
    taken = {n: n if strength is None else int(n * strength) for each in LADDERS for n in each}

    def good(n: int) -> bool:
        return unstable(variant.name, config, n, None if strength is None else taken[n]) is None

    found = next((each for each in LADDERS if all(map(good, each))), LADDERS[0])
    long = tuple(n for n in found if taken[n] >= _LEAST_TAKEN)
    return long if len(long) > 1 else found[-2:]


def noise(side: int = _SIDE) -> torch.Tensor:
    """(1, 4, side, side): every channel the same even points of a standard normal distribution."""
    return even_noise(side * side).float().reshape(1, 1, side, side).repeat(1, LATENT_CHANNELS, 1, 1)


def pictures(problems: Sequence[Problem] = PROBLEMS, side: int = _IMAGE_SIDE) -> torch.Tensor:
    """(1, 4, side, side): even points of each problem's data, shuffled, so that no noise knows them."""
    order = torch.randperm(side * side, generator=torch.Generator().manual_seed(0))
    even = even_noise(side * side)[order]
    return torch.stack([flow(one, even, _CLEAN, 1.0) for one in problems]).float().reshape(1, -1, side, side)


def tall_noise() -> torch.Tensor:
    """(1, 4, 2·side, side), for inpainting: the upper half is painted, the lower half belongs to the source."""
    return torch.cat([noise(), noise()], dim=2)


def upper_half(side: int = _SIDE) -> torch.Tensor:
    """(2·side, side): 1 where inpainting paints."""
    return torch.cat([torch.ones(side, side), torch.zeros(side, side)], dim=0)


def errors_of(done: Walk, *, rows: int | None = None) -> list[float]:
    """Mean absolute error of each problem against the flow from the actual start; ``rows``: only the first ones."""
    end, start = done.end[:, :, :rows], done.start[:, :, :rows]
    return [
        float((end[:, i].double() - flow(one, start[:, i], done.start_alpha, done.end_alpha)).abs().mean())
        for i, one in enumerate(done.course.problems)
    ]


def converge(
    variant: SchedulerVariant, version: Version, task: Task, strength: float | None, steps: Sequence[int]
) -> Convergence:
    """The errors at each number of steps, and what else there is to see of a task."""
    problems = problems_for(variant)
    walks = [once(variant, Course(version, task, n, strength, problems=problems)) for n in steps]
    inside = _SIDE if task == "inpainting" else None
    errors = [errors_of(done, rows=inside) for done in walks]
    guided = once(variant, Course(version, task, steps[0], strength, GUIDED, problems))
    return Convergence(
        steps=tuple(steps),
        errors=tuple(tuple(each) for each in errors),
        calls=tuple(done.calls for done in walks),
        first_sigma=sigma_of_alpha(walks[0].start_alpha),
        guidance_difference=float((guided.end - walks[0].end).abs().mean()),
        start_error=start_error(walks[0]) if "image-to-image" in task else None,
        start_allowed=start_allowed(version, walks[0]),
        outside_error=outside_error(walks[0]) if (task, version) == ("inpainting", "2.2") else None,
    )


def once(variant: SchedulerVariant, course: Course) -> Walk:
    """One walk of a variant, from the points that suit the task."""
    scheduler = made(variant, course.version, course.strength)
    if course.task == "inpainting":
        return walk(course, scheduler, tall_noise(), mask=upper_half())
    latents = pictures(course.problems) if "image-to-image" in course.task else noise()
    return walk(course, scheduler, latents)


def start_error(done: Walk) -> float:
    """How far image-to-image's first latents are from ``sqrt(a)·x0 + sqrt(1 - a)·noise``, at the most."""
    source = pictures(done.course.problems)
    drawn = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
    return largest(done.start - (done.start_alpha**0.5 * source + (1 - done.start_alpha) ** 0.5 * drawn))


def start_allowed(version: Version, done: Walk) -> float:
    """What a timestep is worth in the first latents: a UNet may be told a rounded one for an exact level."""
    levels, here = levels_of(version), done.start_timestep
    before, alpha, after = (levels.alpha(max(t, 0.0)) for t in (here - 1, here, here + 1))
    moved = [
        abs(math.sqrt(other) - math.sqrt(alpha)) + abs(math.sqrt(1 - other) - math.sqrt(1 - alpha))
        for other in (before, after)
    ]  # of the picture and of the noise
    return _SAME + _FAR * max(moved)


def outside_error(done: Walk) -> float:
    """How far what inpainting must keep is from the source. The pipelines let what is painted grow by one."""
    return largest(done.end[:, :, _SIDE + 1 :] - SOURCE)


def largest(difference: torch.Tensor) -> float:
    """The largest absolute value; not-a-number stays what it is."""
    return float(difference.abs().max())


def slope(steps: Sequence[int], errors: Sequence[float]) -> float:
    """The order at which errors fall: least squares in logarithms."""
    if not all(math.isfinite(error) and error > 0 for error in errors):
        return math.nan
    return -float(np.polyfit(np.log(steps), np.log(errors), 1)[0])

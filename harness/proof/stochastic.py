"""Stochastic schedulers: the distribution that they make must be the data's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch

from harness.catalog.types import SchedulerVariant, Task, Version
from harness.proof.deterministic import upper_half
from harness.proof.impulses import BrownianImpulses, drawing, impulses_for
from harness.proof.problems import BETWEEN_MODES, PROBLEMS, Problem
from harness.proof.subjects import made
from harness.proof.types import Chain, Sample
from harness.proof.walk import Course, Walk, walk

STEPS = (125, 250)
_UNTOUCHED = 64  # latents that no impulse hits: they tell how the start is carried to the end
_SAMPLE_SIDE = 64
_SEED = 12345


def chain(variant: SchedulerVariant, course: Course) -> Chain:
    """The exact mean and width of what a scheduler makes of normally distributed data (each single-mode problem)."""
    done, draws = _impulse_walk(variant, course)
    single = [i for i, one in enumerate(course.problems) if len(one.modes) == 1]
    lines = [_line(done.start[0, i].flatten().double(), done.end[0, i].flatten().double(), draws) for i in single]
    truths = [course.problems[i].at(done.end_alpha) for i in single]
    starts = [course.problems[i].at(done.start_alpha) for i in single]
    ends = [_end(line, start) for line, start in zip(lines, starts, strict=True)]
    return Chain(
        steps=course.steps,
        draws=draws,
        means=tuple(end.mean for end in ends),
        widths=tuple(end.width for end in ends),
        mean_errors=tuple(end.mean - true.mean for end, true in zip(ends, truths, strict=True)),
        width_errors=tuple(end.width / true.width - 1 for end, true in zip(ends, truths, strict=True)),
        noise_shares=tuple(line.noise / end.width**2 for line, end in zip(lines, ends, strict=True)),
    )


class _Line(NamedTuple):
    """``end = slope·start + offset``, and the variance that the noise adds."""

    slope: float
    offset: float
    noise: float


class _End(NamedTuple):
    mean: float
    width: float


def _end(line: _Line, start: Problem) -> _End:
    variance = (line.slope * start.width) ** 2 + line.noise
    return _End(line.slope * start.mean + line.offset, math.sqrt(variance))


def _line(start: torch.Tensor, end: torch.Tensor, draws: int) -> _Line:
    known = torch.stack([start[draws:], torch.ones_like(start[draws:])], dim=1)
    slope, offset = torch.linalg.lstsq(known, end[draws:, None]).solution[:, 0].tolist()
    hits = end[:draws] - slope * start[:draws] - offset
    return _Line(slope, offset, float((hits**2).sum()))


def _impulse_walk(variant: SchedulerVariant, course: Course) -> tuple[Walk, int]:
    scheduler = made(variant, course.version, course.strength)
    inner = getattr(scheduler, "inner", scheduler)
    impulses = impulses_for(inner)
    edges: list[float] = []
    if isinstance(impulses, BrownianImpulses):  # a first walk finds the partition
        with drawing(inner, impulses):
            _walk(course, scheduler, 16)
        edges = sorted(impulses.asked)
        impulses = impulses_for(inner, edges)
    calls = max(len(edges), 2 * course.steps)
    with drawing(inner, impulses):
        done = _walk(course, scheduler, _side(calls + _UNTOUCHED))
    return done, impulses.draws


def _side(latents: int) -> int:
    """Of a square with room for them; a multiple of eight, as Kandinsky 3 wants it."""
    return 8 * math.ceil(math.sqrt(latents) / 8)


def _walk(course: Course, scheduler: object, side: int) -> Walk:
    """From draws of each problem at the level where the walk begins."""
    generator = torch.Generator().manual_seed(_SEED)
    clean = data(course.problems, side, generator)
    begin = clean if "image-to-image" in course.task else torch.randn(clean.shape, generator=generator)
    return _through(course, scheduler, begin, [generator])


def _through(course: Course, scheduler: object, latents: torch.Tensor, generators: list[torch.Generator]) -> Walk:
    """``latents`` as they are, or for inpainting as the half that is painted; only that half comes back."""
    if course.task != "inpainting":
        return walk(course, scheduler, latents, generators=generators)
    side = latents.shape[-1]
    both = torch.cat([latents, torch.zeros_like(latents)], dim=2)
    done = walk(course, scheduler, both, generators=generators, mask=upper_half(side))
    return replace(done, start=done.start[:, :, :side], end=done.end[:, :, :side])


def data(problems: tuple[Problem, ...], side: int, generator: torch.Generator) -> torch.Tensor:
    """(1, channels, side, side): draws of each problem."""
    return torch.stack([_draws(one, side * side, generator) for one in problems]).float().reshape(1, -1, side, side)


def _draws(problem: Problem, n: int, generator: torch.Generator) -> torch.Tensor:
    which = torch.multinomial(torch.tensor([m.weight for m in problem.modes]), n, True, generator=generator)
    means, widths = (torch.tensor([getattr(m, name) for m in problem.modes])[which] for name in ("mean", "width"))
    return means + widths * torch.randn(n, generator=generator)


def sample(variant: SchedulerVariant, course: Course) -> Sample:
    """Mean, width, and share of the upper mode, of real draws from the pipeline's own generator."""
    done = _walk(course, made(variant, course.version, course.strength), _SAMPLE_SIDE)
    end = done.end[0].flatten(1).double()
    return Sample(
        steps=course.steps,
        n=end.shape[1],
        means=tuple(end.mean(1).tolist()),
        widths=tuple(end.std(1).tolist()),
        upper_share=float((end[-1] > BETWEEN_MODES).double().mean()) if course.problems == PROBLEMS else None,
    )


def batch_difference(variant: SchedulerVariant, version: Version, task: Task, strength: float | None) -> float:
    """How far two pictures of one batch are from each of them made alone, with the same seeds."""
    course = Course(version, task, 10, strength)
    both = torch.cat([data(PROBLEMS, 8, torch.Generator().manual_seed(seed)) for seed in (1, 2)])
    together = _through(course, made(variant, version, strength), both, _seeded(1, 2)).end
    alone = [
        _through(course, made(variant, version, strength), both[row : row + 1], _seeded(row + 1)).end for row in (0, 1)
    ]
    return float((together - torch.cat(alone)).abs().max())


def _seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]

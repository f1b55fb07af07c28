"""The order of a solver, away from the ends of the schedule.

Over a whole walk a solver of any order falls at about the first, for the first step is large, the last one ends where
there is no noise, and timesteps are rounded. Here the ideal denoiser is asked at the scheduler's own place, not at a
rounded timestep, from a quarter of the steps to three quarters of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from diffusers import PNDMScheduler

from harness.catalog.schedulers import claimed_order
from harness.catalog.types import SchedulerVariant, Version
from harness.proof.deterministic import noise, slope
from harness.proof.levels import alpha_of_sigma, levels_of
from harness.proof.problems import Problem, flow, ideal_noise
from harness.proof.subjects import made, problems_for
from harness.proof.types import Order
from harness.proof.walk import quiet
from harness.schedulers.adapter import KandinskyScheduler

STEPS = (40, 100, 200)  # each divides the schedule, so that the places are nested
WITHIN = 0.3
_FROM, _LENGTH = 0.75, 0.5  # the interval: from where three quarters of the steps are left, half of them long
_POINTS = noise()[:, :1].double()
Change = Callable[[Any], None]
_FLOOR = 5e-7  # single precision, in which several of the schedulers work
_DOUBLE_FLOOR = 1e-8  # of an experiment, which may bring them to double precision


class Measured(NamedTuple):
    """Errors at each of ``STEPS``, and the order at which they fall."""

    errors: tuple[float, ...]
    slope: float


def order(variant: SchedulerVariant, version: Version = "2.2") -> Order:
    """Measured against claimed: with the history that the solver gathers itself, and with an exact one."""
    claimed = claimed_order(variant.name, variant.config, variant.step)
    assert claimed is not None  # a deterministic one
    own, exact = (measured(variant, version, exact_history=which) for which in (False, True))
    return Order(
        claimed=claimed,
        steps=STEPS,
        own_errors=own.errors,
        exact_errors=exact.errors,
        own=own.slope,
        exact=exact.slope,
    )


def measured(
    variant: SchedulerVariant, version: Version, *, exact_history: bool, change: Change | None = None
) -> Measured:
    """One measurement; ``change``: what is done to the bare scheduler first, in an experiment."""
    errors = tuple(_error(Place(variant, version, n, exact_history, change)) for n in STEPS)
    floor = _FLOOR if change is None else _DOUBLE_FLOOR
    seen = [(n, error) for n, error in zip(STEPS, errors, strict=True) if error > floor]
    return Measured(errors, slope(*zip(*seen, strict=True)) if len(seen) >= 2 else float("nan"))


class Place:
    """A scheduler in the adapter, whose place in the schedule gives the level.

    Args:
        variant: a deterministic one.
        version: of Kandinsky.
        steps: ``num_inference_steps``.
        exact_history: it walks from the top, on the exact path as far as the interval; else it begins there.
        change: see ``measured``.
    """

    def __init__(
        self, variant: SchedulerVariant, version: Version, steps: int, exact_history: bool, change: Change | None
    ) -> None:
        left = 1.0 if exact_history else _FROM
        self.problems, self.exact_history = problems_for(variant), exact_history
        self.ahead = round((1 - _FROM) * steps) if exact_history else 0
        scheduler = made(variant, version, left)
        if not isinstance(scheduler, KandinskyScheduler):
            scheduler = KandinskyScheduler(scheduler, strength=left)
        self.scheduler, self.levels = scheduler, levels_of(version)
        with quiet():
            scheduler.set_timesteps(steps)
        if change is not None:
            change(scheduler.inner)
        self.last = self.ahead + round(_LENGTH * steps)
        calls = len(scheduler.inner.timesteps)
        self.begin = self.call
        self.calls_per_step = 2 if calls == 2 * steps - 1 else 1
        self.twice = 1 if isinstance(scheduler.inner, PNDMScheduler) else 0  # it makes its first step twice

    @property
    def call(self) -> int:
        """How many calls have been made, those before the beginning included."""
        return int(self.scheduler._at)

    @property
    def alpha(self) -> float:
        """The level of the place."""
        inner = self.scheduler.inner
        if self.scheduler._sigma_space:
            return float(1 / self.scheduler._scale**2)
        if hasattr(inner, "sigmas"):
            return alpha_of_sigma(float(inner.sigmas[self.call]))
        return self.levels.alpha(float(inner.timesteps[self.call]))

    def step(self, latents: torch.Tensor) -> torch.Tensor:
        """One call further, with the ideal denoiser's answer."""
        predicted = ideal_noise(self.problems, latents, self.alpha)
        moved: torch.Tensor = self.scheduler.step(predicted, None, latents).prev_sample
        return moved.double()


def _error(place: Place) -> float:
    first, last = (_boundary(place, done) for done in (place.ahead, place.last))
    start, problems = place.alpha, place.problems
    latents = origin = torch.cat([flow(one, _POINTS, 0.0, start) for one in problems], dim=1)
    while place.call < last:
        whole = (place.call - place.begin - place.twice) % place.calls_per_step == 0
        if place.exact_history and place.call <= first and whole:  # on the exact path until the interval begins
            latents = _carried(problems, origin, start, place.alpha)
        latents = place.step(latents)
    return float((latents - _carried(problems, origin, start, place.alpha)).abs().mean())


def _carried(problems: Sequence[Problem], latents: torch.Tensor, start: float, end: float) -> torch.Tensor:
    return torch.stack([flow(one, latents[:, i], start, end) for i, one in enumerate(problems)], dim=1)


def _boundary(place: Place, done: int) -> int:
    """The call after this many steps; a singlestep solver's steps come in blocks, whose end it is."""
    call = place.begin + done * place.calls_per_step + (place.twice if done else 0)
    blocks: Any = getattr(place.scheduler.inner, "order_list", None)
    while blocks is not None and done and blocks[call] != 1:
        call += 1
    return call

"""Seconds: synchronise, start the clock, call, synchronise, stop. The first call is kept apart. Imports no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Synchronise = Callable[[], None]


class Lap:
    """What a stopwatch read: ``seconds``, once its block has ended."""

    seconds: float


@contextmanager
def stopwatch(synchronise: Synchronise) -> Iterator[Lap]:
    """Wall-clock time of the block, with all of the device's work in it and none of what was queued before."""
    lap = Lap()
    synchronise()
    began = time.perf_counter()
    yield lap
    synchronise()
    lap.seconds = time.perf_counter() - began


@dataclass(frozen=True)
class Timings(Generic[T]):
    """Seconds of each call. ``first_call_s`` is the very first, whether it was a warm-up or not."""

    first_call_s: float
    warmup_s: list[float]
    steady_s: list[float]
    results: list[T]  # of the steady calls


def measure_latency(
    call: Callable[[], T],
    synchronise: Synchronise,
    *,
    warmups: int,
    repeats: int,
    steady: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Timings[T]:
    """Time ``repeats`` calls after ``warmups`` that do not count; ``steady``: what must hold while one counts."""
    warmup_s: list[float] = []
    steady_s: list[float] = []
    results: list[T] = []
    for number in range(warmups + repeats):
        with steady() if number >= warmups else nullcontext(), stopwatch(synchronise) as lap:
            result = call()
        if number < warmups:
            warmup_s.append(lap.seconds)
        else:
            steady_s.append(lap.seconds)
            results.append(result)
    return Timings([*warmup_s, *steady_s][0], warmup_s, steady_s, results)


def synchroniser(device: str) -> Synchronise:
    """What waits until ``device`` ("cpu", "cuda:0", "mps") has done all that it was given."""
    import torch

    place = torch.device(device)
    if place.type == "cuda":
        return lambda: torch.cuda.synchronize(place)
    return torch.mps.synchronize if place.type == "mps" else lambda: None

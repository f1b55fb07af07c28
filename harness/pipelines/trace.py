"""One instrumented call, apart from the timed ones: seconds of each stage and step, kernels, and latents step by step.

The scheduler's ``step`` is where every Kandinsky pipeline comes by once a call of its network, whatever wraps that:
callbacks are not in all of them, and hooks on a compiled or offloaded network change what is measured.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.measure.latency import Synchronise, stopwatch
from harness.pipelines.decoder import run_decoder
from harness.pipelines.inputs import NO_INPUTS, Inputs
from harness.pipelines.load import Loaded
from harness.pipelines.prior import run_prior
from harness.plan.types import InputRow, Settings

#: what of a profile is kept: a mark in an operator's name -> the kind that it counts for
KERNELS = {
    "aten::scaled_dot_product_attention": "scaled_dot_product",
    "xformers": "xformers",
    "softmax": "softmax",
    "Torch-Compiled Region": "compiled region",
}


@dataclass
class Trace:
    """Seconds, counts of kernels in the network's first call, and latents after each step (steps, channels, h, w)."""

    prior_s: float | None = None
    steps_s: list[float] = field(default_factory=list)
    decode_s: float = 0.0
    kernels: dict[str, int] = field(default_factory=dict)
    latents: list[torch.Tensor] = field(default_factory=list)


def traced(
    loaded: Loaded,
    settings: Settings,
    scheduler: Any,
    rows: Sequence[InputRow],
    synchronise: Synchronise,
    inputs: Inputs = NO_INPUTS,
) -> Trace:
    """Make the pictures of ``rows`` once, watched; ``latents`` are the first row's."""
    trace, prior = Trace(), None
    if loaded.combined is None:
        with stopwatch(synchronise) as lap:
            prior = run_prior(loaded, settings, rows, inputs)
        trace.prior_s = lap.seconds
    with _watched(scheduler, trace, synchronise) as ended:
        run_decoder(loaded, settings, scheduler, prior, rows, inputs)
        synchronise()
        trace.decode_s = time.perf_counter() - ended()
    return trace


@contextmanager
def _watched(scheduler: Any, trace: Trace, synchronise: Synchronise) -> Iterator[Callable[[], float]]:
    """While it lasts, each step of a scheduler leaves its seconds and its latents; what is given tells its last end."""
    step, profiler = scheduler.step, _profiler()
    last = time.perf_counter()

    @functools.wraps(step)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        nonlocal last
        if not trace.steps_s:
            _stop(profiler, trace)
        result = step(*arguments, **keywords)
        latents = result[0] if isinstance(result, tuple) else result.prev_sample
        synchronise()
        now = time.perf_counter()
        trace.steps_s.append(now - last)
        trace.latents.append(latents[0].detach().float().cpu().clone())
        last = time.perf_counter()
        return result

    scheduler.step = watched
    profiler.start()
    try:
        last = time.perf_counter()
        yield lambda: last
    finally:
        del scheduler.step
        if not trace.steps_s:
            _stop(profiler, trace)


def _profiler() -> Any:
    kinds = [torch.profiler.ProfilerActivity.CPU]
    return torch.profiler.profile(activities=kinds)


def _stop(profiler: Any, trace: Trace) -> None:
    """Once: the profiler slows what it watches, so that it sees the first call of the network only."""
    profiler.stop()
    counts = Counter(kind for event in profiler.events() for mark, kind in KERNELS.items() if mark in event.name)
    trace.kernels = dict(counts)

"""One instrumented call, apart from the timed ones: seconds of each stage and step, kernels, and latents step by step.

The scheduler's ``step`` is where every Kandinsky pipeline comes by once a call of its network, whatever wraps that:
callbacks are not in all of them, and hooks on a compiled or offloaded network change what is measured.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.measure.latency import Synchronise, stopwatch
from harness.optimizations.kernels import OUTSIDE
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
#: what a network spends its time on; where some of it is compiled, all of it should be
_WORK = ("aten::conv2d", "aten::linear", "aten::matmul", "aten::bmm", "aten::baddbmm",
         "aten::scaled_dot_product_attention")  # fmt: skip


@dataclass
class Trace:
    """Seconds, counts of kernels in the network's first call, and latents after each step (steps, channels, h, w).

    ``prepare_s``: from the decoder's call to the first one of its network; in a combined pipeline the prior is in it.
    """

    prior_s: float | None = None
    prepare_s: float = 0.0
    steps_s: list[float] = field(default_factory=list)
    decode_s: float = 0.0
    kernels: dict[str, int] = field(default_factory=dict)
    latents: list[torch.Tensor] = field(default_factory=list)


def traced(
    loaded: Loaded,
    settings: Settings,
    scheduler: Any,
    row: InputRow,
    synchronise: Synchronise,
    inputs: Inputs = NO_INPUTS,
) -> Trace:
    """Make the picture of one row once, watched."""
    trace, prior = Trace(), None
    if loaded.combined is None:
        with stopwatch(synchronise) as lap:
            prior = run_prior(loaded, settings, [row], inputs)
        trace.prior_s = lap.seconds
    loaded.turn_to(loaded.part)
    watch = _Watch(trace, synchronise)
    with watch.on(loaded.decoder.unet, scheduler):
        run_decoder(loaded, settings, scheduler, prior, [row], inputs)
        trace.decode_s = watch.lap()
    return trace


class _Watch:
    """A clock that is read at the first call of a network and after each step of a scheduler.

    A profiler sees the network's first call, and nothing around it: other networks have attention too.
    """

    def __init__(self, trace: Trace, synchronise: Synchronise) -> None:
        self._trace, self._synchronise = trace, synchronise
        self._profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU])
        self._hooks: list[Any] = []
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last reading."""
        self._synchronise()
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        return passed

    @contextmanager
    def on(self, network: Any, scheduler: Any) -> Iterator[None]:
        """While it lasts, a network and a scheduler are watched."""
        step = scheduler.step

        @functools.wraps(step)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            result = step(*arguments, **keywords)
            self._trace.steps_s.append(self.lap())
            latents = result[0] if isinstance(result, tuple) else result.prev_sample
            self._trace.latents.append(latents[0].detach().float().cpu().clone())
            self.lap()  # what copying them took is nobody's
            return result

        self._hooks = [network.register_forward_pre_hook(self._begin), network.register_forward_hook(self._end)]
        scheduler.step = watched
        try:
            self.lap()
            yield
        finally:
            del scheduler.step
            self._unhook()

    def _begin(self, *_: Any) -> None:
        self._trace.prepare_s = self.lap()
        self._profiler.start()

    def _end(self, *_: Any) -> None:
        self._profiler.stop()
        self._unhook()
        events = self._profiler.events()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._trace.kernels = counted(events)

    def _unhook(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def counted(events: Iterable[Any]) -> dict[str, int]:
    """Kind of kernel → how often it is in a profile; where code was compiled, also the work that it left out."""
    seen = list(events)
    found = Counter(kind for one in seen for mark, kind in KERNELS.items() if mark in one.name)
    if found["compiled region"]:
        found[OUTSIDE] = sum(one.name in _WORK and not _within(one) for one in seen)
    return dict(found)


def _within(event: Any) -> bool:
    """Whether an operation ran in compiled code, or as a part of another one that is counted."""
    above = event.cpu_parent
    while above is not None:
        if "Torch-Compiled Region" in above.name or above.name in _WORK:
            return True
        above = above.cpu_parent
    return False

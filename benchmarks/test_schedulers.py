"""What the scheduler adapter costs in each step, beside a step of the miniature's real loop.

Whole pictures differ by more from turn to turn than the adapter takes. So the schedulers' own loops are timed, bare and
in the adapter, in turns and on the miniature's latents, and their difference is held against the time of a real step.
A bare sigma-space scheduler makes wrong pictures, in the same time as right ones: only its cost is looked at.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_kandinsky import make_rows, make_settings

from harness.pipelines.decoder import run_decoder
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import SchedulerChoice
from harness.run.bench import Bench
from harness.schedulers.adapter import KandinskyScheduler
from harness.stats.intervals import median_interval

_STEPS, _TURNS, _PICTURES = 50, 100, 5
_NAMES = ["DDIM", "UniPCMultistep", "EulerDiscrete", "HeunDiscrete", "KDPM2Discrete"]


@pytest.mark.parametrize("name", _NAMES)
def test_a_scheduler_in_the_adapter_beside_the_bare_one(
    bench: Bench, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    choice = SchedulerChoice(label=name, class_name=f"{name}Scheduler")
    settings = make_settings(num_inference_steps=_STEPS, scheduler=choice)
    built, _ = build_scheduler(bench.loaded, choice)
    inner = getattr(built, "inner", built)
    prior, rows = run_prior(bench.loaded, settings, make_rows(1)), make_rows(1)

    def picture() -> None:
        run_decoder(bench.loaded, settings, KandinskyScheduler(inner), prior, rows)

    picture()
    calls = len(_laid_out(KandinskyScheduler(inner)).timesteps)
    call_s = statistics.median(_seconds(picture) for _ in range(_PICTURES)) / calls
    added_s = [(_loop(KandinskyScheduler(inner)) - _loop(inner)) / calls for _ in range(_TURNS)]
    found = median_interval(added_s, level=0.95)
    assert found.low is not None and found.high is not None
    low, high = (100 * bound / call_s for bound in (found.low, found.high))
    with capsys.disabled():
        print(
            f"\n{name}: the adapter adds {1e6 * statistics.median(added_s):.1f} us to each of {calls} calls of "
            f"{1e3 * call_s:.2f} ms: {100 * statistics.median(added_s) / call_s:.2f} % (95 %: {low:.2f} to {high:.2f})"
        )


def _laid_out(scheduler: Any) -> Any:
    scheduler.set_timesteps(_STEPS)
    return scheduler


def _loop(scheduler: Any) -> float:
    """Seconds of all the steps of a picture, without a model: latents of the miniature's size."""
    latents, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    timesteps = _laid_out(scheduler).timesteps
    if not isinstance(scheduler, KandinskyScheduler):
        getattr(scheduler, "set_begin_index", lambda _: None)(0)  # as every pipeline's first call finds it
    return _seconds(lambda: [scheduler.step(noise, timestep, latents) for timestep in timesteps])


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began

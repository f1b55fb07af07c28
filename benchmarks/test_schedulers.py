"""What the scheduler adapter costs: each scheduler in it beside the bare one, in the miniature's real loop.

A bare sigma-space scheduler makes wrong pictures, in the same time as right ones: only its cost is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tiny_kandinsky import make_rows, make_settings

from harness.pipelines.decoder import run_decoder
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import SchedulerChoice
from harness.run.worker_ops import Bench
from harness.schedulers.adapter import KandinskyScheduler


class Bare:
    """A scheduler as the pipeline would call it, but for the keyword that some do not take."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def step(self, model_output: Any, timestep: Any, sample: Any, generator: Any = None) -> Any:
        del generator
        return self.inner.step(model_output, timestep, sample)


@pytest.mark.parametrize("name", ["DDIM", "UniPCMultistep", "EulerDiscrete", "HeunDiscrete", "KDPM2Discrete"])
def test_a_scheduler_in_the_adapter_beside_the_bare_one(bench: Bench, compare: Callable[..., None], name: str) -> None:
    choice = SchedulerChoice(label=name, class_name=f"{name}Scheduler")
    settings = make_settings(num_inference_steps=50, scheduler=choice)
    loaded, rows = bench.loaded, make_rows(1)
    prior = run_prior(loaded, settings, rows)
    built, _ = build_scheduler(loaded, choice)
    inner = getattr(built, "inner", built)
    calls = {
        "bare": lambda: run_decoder(loaded, settings, Bare(inner), prior, rows),
        "in the adapter": lambda: run_decoder(loaded, settings, KandinskyScheduler(inner), prior, rows),
    }
    compare(f"{name}, 50 steps, one picture", calls, rounds=15)

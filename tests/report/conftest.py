"""Runs to report on, each in a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.report_runs import RunBuilder
from support.sweeps import SweepBuilder


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., RunBuilder]:
    """A builder of runs in a store of the test's own."""

    def new(*, compare: bool = True, **kwargs: Any) -> RunBuilder:
        builder = RunBuilder(tmp_path / "runs", **kwargs)
        if compare:
            builder.plan_changes["compare_to"] = {"scheduler": "DDIM", "num_inference_steps": 100}
        return builder

    return new


@pytest.fixture
def sweep(build: Callable[..., RunBuilder]) -> RunBuilder:
    """A usual run: a reference, cells of every verdict, a failed one, and one reused from an earlier run."""
    builder = build(prompts=32)
    reference = "DDIM-100-g4"
    builder.cell("DDIM", 10, 83.0, versus=reference, verdict="regressed", difference=-1.5, latency=0.11)
    builder.cell("DDIM", 20, 84.3, versus=reference, latency=0.2, made_in="20261101-090000-older-aaaa")
    builder.cell("UniPC", 10, 84.4, versus=reference, latency=0.12)
    builder.cell("UniPC", 5, 84.2, versus=reference, verdict="inconclusive", n_to_settle=60, latency=0.06)
    builder.cell("DDPM", 10, versus=reference, status="failed")
    builder.cell("DDIM", 100, 84.5, latency=1.0)
    return builder


@pytest.fixture
def grid(tmp_path: Path) -> Callable[..., SweepBuilder]:
    """A builder of sweeps of schedulers and steps."""
    return lambda **kwargs: SweepBuilder(tmp_path / "runs", **kwargs)

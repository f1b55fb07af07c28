"""The timing pass's operations: a cell's timed calls, and the instrumented one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.catalog.stacks import compiles
from harness.plan.types import Settings
from harness.run.bench import Bench, Finish
from harness.run.protocol import Time, TimeDone, Watch, WatchDone
from harness.store.records import Stages

_ENERGY_BLOCK_S = 3.0


def time_cell(bench: Bench, request: Time) -> Finish:
    """Prior and decoder, whole, with generators seeded anew for each call: the quality pass's pictures again."""
    from harness.measure.disturbance import disturbance
    from harness.measure.latency import measure_latency, synchroniser
    from harness.measure.memory import device_memory

    call, synchronise = _call(bench, request), synchroniser(bench.device)
    first_s = _warm_up(bench, request, call) if request.warmups else None
    if request.repeats == 0:
        return lambda: _untimed(first_s)
    steady = _steady(request.settings)
    with disturbance(bench.device, root_pid=os.getppid()) as disturbed, device_memory(bench.device) as memory:
        timings = measure_latency(call, synchronise, warmups=0, repeats=request.repeats, steady=steady)
    done = TimeDone(
        first_call_s=timings.first_call_s if first_s is None else first_s,
        steady_s=timings.steady_s,
        prior_s=[prior_s for _, prior_s in timings.results],
        peak_device_bytes=memory.peak_bytes,
        reserved_device_bytes=memory.reserved_bytes,
        used_device_bytes=memory.used_bytes,
        largest_pixel_difference=_difference(bench, request, [pictures for pictures, _ in timings.results]),
        disturbed=disturbed.found,
    )
    return lambda: done


def _untimed(first_s: float | None) -> TimeDone:
    return TimeDone(
        first_call_s=first_s, steady_s=[], prior_s=[], peak_device_bytes=None, reserved_device_bytes=None,
        largest_pixel_difference=None,
    )  # fmt: skip


def _warm_up(bench: Bench, request: Time, call: Callable[[], Any]) -> float:
    """Seconds of the first call. What is measured next begins without other cells' leftovers and without a compiler's.

    What was given back must be fetched anew, which no timed call should have to do: so a compiled cell is called once
    more.
    """
    from harness.measure.latency import measure_latency, synchroniser
    from harness.pipelines.failures import release

    release(bench.pipelines.device)
    timings = measure_latency(call, synchroniser(bench.device), warmups=request.warmups, repeats=0)
    if compiles(request.settings.optimizations):
        release(bench.pipelines.device)
        call()
    return timings.first_call_s


def _steady(settings: Settings) -> Callable[[], AbstractContextManager[None]]:
    """What must hold in a timed call: code that was compiled must do."""
    from harness.optimizations.recompiles import none_recompiles

    return none_recompiles if compiles(settings.optimizations) else nullcontext


def _call(bench: Bench, request: Time | Watch) -> Callable[[], tuple[Any, float]]:
    """One whole call of the request's rows: pictures, and the seconds of the prior in it."""
    from harness.measure.latency import stopwatch, synchroniser
    from harness.pipelines.decoder import run_decoder
    from harness.pipelines.prior import run_prior
    from harness.pipelines.schedulers import build_scheduler
    from harness.run.worker_inputs import inputs_of

    loaded, settings, synchronise = bench.pipelines, request.settings, synchroniser(bench.device)
    inputs = inputs_of(bench, settings.task, request.rows, request.hints)
    scheduler, _ = build_scheduler(loaded, settings.scheduler, strength=settings.strength)

    def call() -> tuple[Any, float]:
        with stopwatch(synchronise) as lap:
            prior = None if loaded.combined is not None else run_prior(loaded, settings, request.rows, inputs)
        return run_decoder(loaded, settings, scheduler, prior, request.rows, inputs), lap.seconds

    return call


def watch_cell(bench: Bench, request: Watch) -> Finish:
    """Seconds of each stage, kernels and latents of the first row's call, energy, and the proof of the stack."""
    from harness.measure.latency import synchroniser
    from harness.optimizations.kernels import with_kernels
    from harness.optimizations.stack import verify_stack
    from harness.pipelines.schedulers import build_scheduler
    from harness.pipelines.trace import traced
    from harness.run.worker_inputs import inputs_of

    loaded, settings = bench.pipelines, request.settings
    inputs = inputs_of(bench, settings.task, request.rows, request.hints)
    scheduler, _ = build_scheduler(loaded, settings.scheduler, strength=settings.strength)
    trace = traced(loaded, settings, scheduler, request.rows[0], synchroniser(bench.device), inputs)
    evidence = with_kernels(settings.optimizations, verify_stack(loaded, loaded.applied), trace.kernels)
    joules, reason = _energy(bench, request)

    def finish() -> WatchDone:
        if request.latents_key:
            _keep_latents(bench, request.latents_key, trace.latents)
        stages = Stages(
            prior_s=trace.prior_s,
            prepare_s=trace.prepare_s,
            steps_s=trace.steps_s,
            decode_s=trace.decode_s,
            kernels=trace.kernels,
            latents_key=request.latents_key,
        )
        return WatchDone(stages=stages, evidence=evidence, energy_j=joules, energy_reason=reason)

    return finish


def _energy(bench: Bench, request: Watch) -> tuple[float | None, str | None]:
    """Joules for each image over calls of some seconds: a counter that moves ten times a second tells less of one."""
    from harness.measure.energy import energy

    meter, calls = energy(bench.device), 0
    if meter.reads:
        call, began = _call(bench, request), time.perf_counter()
        with meter:
            while time.perf_counter() - began < _ENERGY_BLOCK_S:
                call()
                calls += 1
    return (None if meter.joules is None else meter.joules / (calls * len(request.rows))), meter.reason


def _keep_latents(bench: Bench, key: str, latents: list[Any]) -> None:
    import torch
    from safetensors.torch import save

    bench.kept.put("latents", key, save({"latents": torch.stack(latents)}))


def _difference(bench: Bench, request: Time, results: list[Any]) -> int | None:
    from harness.run.worker_files import largest_difference, pictures_of

    stored = None if request.images_key is None else bench.kept.blobs.find("images", request.images_key)
    if stored is None:
        return None
    row_ids = [row.id for row in request.rows]  # the first of the stored batch, which may have named them otherwise
    pictures = dict(zip(row_ids, pictures_of(stored).values(), strict=False))
    found = [largest_difference(result, row_ids, pictures) for result in results]
    return max((difference for difference in found if difference is not None), default=None)

"""The clock runs between two synchronisations, and warm-ups do not count."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from harness.measure.latency import measure_latency, stopwatch, synchroniser


class FakeDevice:
    """Work is queued at once and takes its time when somebody waits for it."""

    def __init__(self) -> None:
        self.queued = 0.0
        self.log: list[str] = []

    def work(self, seconds: float) -> str:
        self.queued += seconds
        self.log.append("work")
        return f"result {self.log.count('work')}"

    def synchronise(self) -> None:
        self.log.append("wait")
        time.sleep(self.queued)
        self.queued = 0.0


def test_the_devices_own_work_is_inside_and_earlier_work_is_not() -> None:
    device = FakeDevice()
    device.work(0.2)
    with stopwatch(device.synchronise) as lap:
        device.work(0.03)
    assert 0.03 <= lap.seconds < 0.15
    assert device.log == ["work", "wait", "work", "wait"]


def test_the_first_call_is_apart_and_warmups_do_not_count() -> None:
    device = FakeDevice()
    pauses = iter([0.08, 0.0, 0.01, 0.01, 0.01])
    timings = measure_latency(lambda: device.work(next(pauses)), device.synchronise, warmups=2, repeats=3)
    assert timings.first_call_s == timings.warmup_s[0] >= 0.08
    assert len(timings.warmup_s) == 2 and len(timings.steady_s) == 3 and max(timings.steady_s) < 0.08
    assert timings.results == ["result 3", "result 4", "result 5"]


def test_without_warmups_the_first_steady_call_is_the_first() -> None:
    timings = measure_latency(lambda: None, lambda: None, warmups=0, repeats=2)
    assert timings.first_call_s == timings.steady_s[0]


def test_an_error_in_the_block_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        measure_latency(lambda: 1 / 0, lambda: None, warmups=0, repeats=1)


def test_a_cpu_has_nothing_to_wait_for() -> None:
    synchroniser("cpu")()


def test_measuring_is_imported_without_torch() -> None:
    """The parent process measures its workers, and never imports torch."""
    script = (
        "import sys, harness.measure.latency, harness.measure.memory, harness.measure.environment as e\n"
        "e.machine()\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

"""Planted disturbances are seen, what is ours is none, and a machine without a GPU says what it cannot know."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from support.nvml import Card, FakeNvml

from harness.measure import disturbance as module
from harness.measure.card import CardId
from harness.measure.device_watch import DeviceWatch
from harness.measure.disturbance import Disturbance, disturbance
from harness.measure.nvml import FoundGpu, Gpu, gpu_of
from harness.measure.processor_load import Usage
from harness.store.disturbed import Disturbed

OURS, FOREIGN = os.getpid(), os.getppid()
NEVER_S = 3600.0


def _found(card: Card) -> FoundGpu:
    return gpu_of(FakeNvml(card), CardId((card.uuid,), None))


def _gpu(card: Card) -> Gpu:
    gpu = _found(card).gpu
    assert gpu is not None
    return gpu


def _seen(card: Card, root_pid: int = OURS) -> Disturbed:
    with Disturbance(_found(card), root_pid, every_s=NEVER_S) as block:
        pass
    return block.found


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


def test_a_quiet_device() -> None:
    found = _seen(Card(computing=[OURS], bits=0x1))
    assert found.throttled == () and found.foreign_processes == 0 and found.clock_samples == 2
    assert not {"throttled", "foreign_processes"} & set(found.missing) and found.notes == ()


def test_a_throttle_bit_is_seen_and_a_set_clock_is_none() -> None:
    found = _seen(Card(computing=[OURS], bits=0x4 | 0x2))
    assert found.throttled == ("power cap",) and found.clock_settings == ("application clocks",)
    assert found.is_disturbed and "the device was throttled (power cap)" in found.words().lower()


def test_throttling_that_is_over_when_the_block_ends_is_seen_by_the_thread() -> None:
    card = Card(computing=[OURS])
    with DeviceWatch(_gpu(card), lambda pid: pid == OURS, every_s=0.001) as watch:
        assert watch.samples >= 1 and watch.throttled == ()
        card.bits = 0x40
        before = watch.samples
        _wait_for(lambda: watch.samples >= before + 2)
        card.bits = 0
    assert watch.throttled == ("hardware thermal slowdown",)


def test_a_process_that_came_and_went_is_seen_by_the_thread() -> None:
    card = Card(computing=[OURS])
    with DeviceWatch(_gpu(card), lambda pid: pid == OURS, every_s=0.001) as watch:
        card.computing = [OURS, FOREIGN]
        _wait_for(lambda: watch.foreign_processes == 1)
        card.computing = [OURS]
    assert watch.foreign_processes == 1


def test_a_foreign_process_counts_and_our_own_child_does_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert _seen(Card(computing=[OURS, child.pid])).foreign_processes == 0
        found = _seen(Card(computing=[OURS, child.pid], drawing=[FOREIGN]))
        assert found.foreign_processes == 1 and "1 other process used the device" in found.words()
        assert _seen(Card(computing=[OURS, child.pid]), root_pid=child.pid).foreign_processes == 1
    finally:
        child.communicate(b"\n")


def test_numbers_of_a_hosts_are_not_all_foreign() -> None:
    """Inside a container the driver may name our process by its number outside: one of the listed is ours."""
    outside = [2**22 + 1, 2**22 + 2]  # beyond the largest number that Linux gives
    found = _seen(Card(computing=outside))
    assert found.foreign_processes == 1 and "taken to be ours" in found.notes[0]
    assert _seen(Card(computing=outside[:1])).foreign_processes == 0


def test_what_the_driver_does_not_give_has_its_reason() -> None:
    found = _seen(Card(refuses={"clocks", "processes"}))
    assert found.throttled is None and found.foreign_processes is None and found.clock_samples == 0
    assert found.missing["throttled"] == "NVML does not give the clocks' reasons: Not Supported"
    assert found.missing["foreign_processes"] == "NVML does not give the processes: Not Supported"
    assert _seen(Card()).missing["foreign_processes"] == "NVML lists no process on the device, not even ours"


def test_a_reading_that_came_later_is_not_missing() -> None:
    card = Card(computing=[OURS], refuses={"clocks", "processes"})
    with Disturbance(_found(card), OURS, every_s=NEVER_S) as block:
        card.refuses = set()
    assert block.found.throttled == () and block.found.foreign_processes == 0
    assert not {"throttled", "foreign_processes"} & set(block.found.missing)


def test_a_machine_without_a_gpu() -> None:
    with disturbance("cpu") as block:
        time.sleep(0.01)
    found = block.found
    assert found.throttled is None and found.foreign_processes is None
    assert found.missing["throttled"] == found.missing["foreign_processes"] != ""
    assert found.foreign_cpu_s is not None and found.cpu_s is not None and found.cpu_s >= 0.01
    assert ("governor" in found.missing) == (found.governor is None)
    assert ("container_throttled" in found.missing) == (found.container_throttled is None)
    assert Disturbed.model_validate_json(found.model_dump_json()) == found


def _planted(monkeypatch: pytest.MonkeyPatch, usages: list[Usage], held_back: list[int | None]) -> Disturbed:
    monkeypatch.setattr(module.Usage, "now", lambda _: usages.pop(0))
    monkeypatch.setattr(module, "container_throttled", lambda: held_back.pop(0))
    with disturbance("cpu") as block:
        pass
    return block.found


def test_others_on_the_processors_and_a_containers_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _planted(monkeypatch, [Usage(10.0, 1.0, 2), Usage(15.0, 2.0, 2)], [100, 103])
    assert found.foreign_cpu_s == 4.0 and found.container_throttled == 3
    assert found.cpu_s == pytest.approx(2 * found.seconds)


def test_a_count_that_is_gone_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _planted(monkeypatch, [Usage(10.0, 1.0, 2), Usage(15.0, 2.0, 2)], [100, None])
    assert found.container_throttled is None and "no control group" in found.missing["container_throttled"]


def test_a_block_that_fails_is_recorded_too() -> None:
    block = Disturbance(_found(Card(computing=[OURS], bits=0x8)), OURS, every_s=NEVER_S)
    with pytest.raises(ZeroDivisionError), block:
        raise ZeroDivisionError
    assert block.found.throttled == ("hardware slowdown",)

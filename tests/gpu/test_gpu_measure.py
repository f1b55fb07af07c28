"""What is read of a real device: memory, energy, clocks, processes, and that it is the right card."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
import torch
from support.gpu import DEVICE, load, pictures

from harness.measure.card import card_of
from harness.measure.disturbance import disturbance
from harness.measure.energy import energy
from harness.measure.memory import device_memory
from harness.measure.nvml import Gpu, find_gpu

pytestmark = pytest.mark.gpu

MIB = 2**20
_BUSY_S = 2.0  # twenty steps of the energy counter


@pytest.fixture
def gpu() -> Gpu:
    """NVML's readings of the device."""
    found = find_gpu(DEVICE)
    if found.gpu is None:
        pytest.skip(found.reason or "NVML gives no device")
    return found.gpu


def _work(seconds: float) -> None:
    left = torch.randn(4096, 4096, device=DEVICE)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left @ left
        torch.cuda.synchronize(DEVICE)


def test_memory_of_a_known_size() -> None:
    with device_memory(DEVICE) as memory:
        held = torch.ones(256 * MIB, dtype=torch.uint8, device=DEVICE)
    assert memory.peak_bytes is not None and memory.reserved_bytes is not None and memory.used_bytes is not None
    assert held.numel() <= memory.peak_bytes <= memory.reserved_bytes <= memory.used_bytes


def test_a_peak_that_is_over_is_still_seen() -> None:
    with device_memory(DEVICE) as memory:
        torch.ones(256 * MIB, dtype=torch.uint8, device=DEVICE)
    assert memory.peak_bytes is not None and memory.peak_bytes - torch.cuda.memory_allocated(DEVICE) >= 250 * MIB


def test_it_is_the_card_that_cuda_means(gpu: Gpu) -> None:
    import pynvml  # the driver's own names, by the same UUID

    named = [name for name in card_of(DEVICE).uuids if name.startswith("GPU-")]
    told = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByUUID(named[0]))
    assert told == torch.cuda.get_device_name(DEVICE) and gpu.driver[0].isdigit()


def test_a_busy_device_takes_energy_and_more_than_an_idle_one(gpu: Gpu) -> None:
    with energy(DEVICE) as idle:
        time.sleep(_BUSY_S)
    with energy(DEVICE) as busy:
        _work(_BUSY_S)
    if busy.joules is None and "split" in (busy.reason or ""):
        pytest.skip(str(busy.reason))
    assert busy.joules is not None, busy.reason
    assert 5.0 * _BUSY_S < busy.joules < 3000.0 * _BUSY_S  # watts that a card can have
    assert idle.joules is None or idle.joules < busy.joules


def test_pictures_take_energy(gpu: Gpu) -> None:
    loaded = load()
    pictures(loaded)
    with energy(DEVICE) as found:
        end = time.monotonic() + _BUSY_S
        while time.monotonic() < end:
            pictures(loaded)
    assert (found.joules is not None and found.joules > 0) or "split" in (found.reason or ""), found.reason


def test_the_device_is_looked_at_while_it_works(gpu: Gpu) -> None:
    with disturbance(DEVICE) as block:
        _work(1.0)
    found = block.found
    assert found.throttled is not None and found.clock_samples >= 3, found.missing
    assert not [word for word in found.throttled if "unknown" in word]


def test_our_own_child_on_the_device_is_not_foreign(gpu: Gpu) -> None:
    script = f"import torch; held = torch.ones(9, device={DEVICE!r}); print('there', flush=True); input()"
    torch.ones(9, device=DEVICE)  # this process is on the device too
    with disturbance(DEVICE) as before:
        pass
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and child.stdout.readline() == "there\n"
        with disturbance(DEVICE) as ours:
            pass
        with disturbance(DEVICE, root_pid=child.pid) as theirs:
            pass
    finally:
        child.communicate("\n")
    if before.found.foreign_processes is None or before.found.notes:
        pytest.skip(f"processes cannot be told here: {before.found.missing or before.found.notes}")
    assert ours.found.foreign_processes == before.found.foreign_processes, os.getpid()
    assert theirs.found.foreign_processes == before.found.foreign_processes + 1

"""Resident memory seen from outside, and a device's peak."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.measure.memory import DeviceMemory, ResidentMemory, device_memory, resident_bytes

MIB = 1 << 20

# Allocates and frees on command, or lets a child do it.
_PUPPET = """
import subprocess, sys
for line in sys.stdin:
    word, size = line.split()
    if word == "hold":
        block = bytearray(b"x" * (int(size) << 20))
    elif word == "free":
        block = None
    else:
        code = f"import time; b = bytearray(b'x' * ({size} << 20)); time.sleep(1.0)"
        subprocess.run([sys.executable, "-c", code])
    print("done", flush=True)
"""


class Puppet:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PUPPET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, word: str, mebibytes: int = 0) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{word} {mebibytes}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    puppet = Puppet()
    puppet.do("hold", 1)
    yield puppet
    puppet.process.kill()
    puppet.process.communicate()


def test_a_peak_that_is_over_is_still_seen_and_a_reset_forgets_it(puppet: Puppet) -> None:
    idle = resident_bytes(puppet.process.pid)
    with ResidentMemory(puppet.process.pid) as memory:
        puppet.do("hold", 100)
        puppet.do("free")
        peak = memory.peak_bytes - idle
        assert 95 * MIB < peak < 260 * MIB  # the puppet builds its block from another one
        memory.reset()
        assert memory.peak_bytes - idle < 60 * MIB
        puppet.do("hold", 80)
        assert memory.peak_bytes - idle > 75 * MIB


def test_children_count(puppet: Puppet) -> None:
    with ResidentMemory(puppet.process.pid) as memory:
        before = memory.peak_bytes
        puppet.do("child", 100)
        assert memory.peak_bytes - before > 95 * MIB


def test_a_process_that_ends_does_not_end_the_measurement(puppet: Puppet) -> None:
    with ResidentMemory(puppet.process.pid) as memory:
        peak = memory.peak_bytes
        puppet.process.kill()
        puppet.process.wait()
        memory.reset()
        assert memory.peak_bytes == 0 < peak


def test_this_process_by_default() -> None:
    assert resident_bytes() > MIB


class FakeCuda:
    """An allocator that remembers its peaks."""

    def __init__(self) -> None:
        self.peak = {"cuda:1": 900}
        self.others, self.failed = 300, False

    def reset_peak_memory_stats(self, device: str) -> None:
        self.peak[device] = 0

    def max_memory_allocated(self, device: str) -> int:
        return self.peak[device]

    def max_memory_reserved(self, device: str) -> int:
        return self.peak[device] + 24

    def mem_get_info(self, device: str) -> tuple[int, int]:
        if self.failed:
            raise RuntimeError("an illegal memory access was encountered")
        return 10_000 - self.peak[device] - 24 - self.others, 10_000


def test_a_devices_peak_is_of_the_block_alone() -> None:
    api = FakeCuda()
    with DeviceMemory("cuda:1", api) as memory:
        api.peak["cuda:1"] = 500
    assert (memory.peak_bytes, memory.reserved_bytes) == (500, 524)
    assert memory.used_bytes == 824  # the whole device: what others have is in it


def test_a_failed_block_keeps_its_peak_and_its_error() -> None:
    api = FakeCuda()
    memory = DeviceMemory("cuda:1", api)

    def break_the_device() -> None:
        with memory:
            api.peak["cuda:1"], api.failed = 500, True
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_the_device()
    assert (memory.peak_bytes, memory.reserved_bytes, memory.used_bytes) == (500, 524, None)


def test_a_cpu_has_no_allocator_peak() -> None:
    with device_memory("cpu") as memory:
        pass
    assert memory.peak_bytes is None and memory.reserved_bytes is None and memory.used_bytes is None

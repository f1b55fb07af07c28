"""What is read from Linux's files is what psutil reads."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from harness.measure import system

pytestmark = pytest.mark.skipif(not system.LINUX, reason="elsewhere psutil itself answers")


def test_processors_and_memory_are_psutils() -> None:
    assert system.cores() == (psutil.cpu_count(logical=False), psutil.cpu_count())
    total, available = system.memory()
    assert total == psutil.virtual_memory().total and abs(available - psutil.virtual_memory().available) < total / 10


def test_resident_memory_is_psutils() -> None:
    assert system.resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    assert system.resident_bytes(os.getppid()) == pytest.approx(psutil.Process(os.getppid()).memory_info().rss, rel=0.2)
    assert system.resident_bytes(2**22 + 1) == 0


def test_busy_time_of_each_processor_is_psutils() -> None:
    idle = ("idle", "iowait", "guest", "guest_nice")
    before = system.busy_seconds()
    theirs = [sum(getattr(each, n) for n in each._fields if n not in idle) for each in psutil.cpu_times(percpu=True)]
    after = system.busy_seconds()
    for low, middle, high in zip(before, theirs, after, strict=True):
        assert low - 0.011 <= middle <= high + 0.011


def test_processes_and_who_is_below_are_psutils() -> None:
    name = "a (strange) name 1 2 3"
    script = "import sys, time; open('/proc/self/comm', 'w').write(sys.argv[1]); print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline()
        known = system.processes()
        assert known[child.pid].parent == os.getpid() and child.pid in set(system.below(os.getppid(), known))
        assert child.pid not in set(system.below(child.pid, known))
        spent = sum(psutil.Process(child.pid).cpu_times()[:4])
        assert known[child.pid].seconds == pytest.approx(spent, abs=0.05)
    finally:
        child.kill()
        child.communicate()
    assert child.pid not in system.processes()

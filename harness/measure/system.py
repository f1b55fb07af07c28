"""Processors, memory and processes as Linux tells them in files, and psutil elsewhere. Imports no torch.

A worker may run in an environment that has diffusers, torch and transformers and nothing of ours: on Linux it needs
no package for this.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LINUX = sys.platform == "linux"
_PROC, _CPUS = Path("/proc"), Path("/sys/devices/system/cpu")
_BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)  # of /proc/stat: user, nice, system, irq, softirq, steal; a guest's is in user's
_NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")


class Process(NamedTuple):
    """A process as it stands: its parent, and seconds of processor time, its ended children's among them."""

    parent: int
    seconds: float


def processes() -> dict[int, Process]:
    """Every process that can be seen, by its number."""
    if not LINUX:
        return _asked()
    numbers = (int(path.name) for path in _PROC.iterdir() if path.name.isdigit())
    found = ((pid, _process(pid)) for pid in numbers)
    return {pid: process for pid, process in found if process is not None}


def below(root_pid: int, known: dict[int, Process]) -> Iterator[int]:
    """The processes below one, whatever their depth."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, process in known.items():
        children[process.parent].append(pid)
    waiting = children.pop(root_pid, [])
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.pop(pid, [])


def resident_bytes(pid: int | None = None) -> int:
    """Resident memory of a process (this one by default); 0 if it has ended."""
    if LINUX:
        words = _text(_PROC / str(pid or "self") / "statm").split()
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0
    import psutil

    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def busy_seconds() -> list[float]:
    """Of each processor, the seconds that it was not idle, a hypervisor's share (``steal``) among them."""
    if not LINUX:
        return _busy_asked()
    lines = [line.split() for line in _text(_PROC / "stat").splitlines()]
    each = [words[1:] for words in lines if words and words[0].startswith("cpu") and words[0] != "cpu"]
    return [sum(int(ticks[n]) for n in _BUSY_COLUMNS) / _ticks() for ticks in each]


def cores() -> tuple[int | None, int | None]:
    """Physical and logical processors; ``None`` where the system does not tell."""
    if not LINUX:
        import psutil

        return psutil.cpu_count(logical=False), psutil.cpu_count()
    shared = {_text(path).strip() for path in _CPUS.glob("cpu[0-9]*/topology/thread_siblings_list")}
    return len(shared - {""}) or None, os.cpu_count()


def memory() -> tuple[int, int]:
    """Bytes of memory, and those of them that can be had."""
    if not LINUX:
        import psutil

        found = psutil.virtual_memory()
        return found.total, found.available
    words = (line.split() for line in _text(_PROC / "meminfo").splitlines())
    sizes = {line[0]: int(line[1]) * 1024 for line in words if len(line) > 1}
    return sizes["MemTotal:"], sizes["MemAvailable:"]


def _process(pid: int) -> Process | None:
    """A name may hold blanks and brackets: what counts stands after its last one. ``None``: it has just ended."""
    words = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(words) < 15:
        return None
    return Process(parent=int(words[1]), seconds=sum(map(int, words[11:15])) / _ticks())


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def _asked() -> dict[int, Process]:
    import psutil

    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found[process.pid] = Process(process.ppid(), sum(process.cpu_times()[:4]))
    return found


def _busy_asked() -> list[float]:
    import psutil

    each = psutil.cpu_times(percpu=True)
    names = [name for name in each[0]._fields if name not in _NOT_BUSY]
    return [sum(getattr(times, name) for name in names) for times in each]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

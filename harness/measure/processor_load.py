"""Whose processor time a block was: ours, a process and all below it, or others'. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from harness.measure.system import below, busy_seconds, processes


class Load(NamedTuple):
    """Seconds of processor time: what others had (rounding may take it under 0), of how many."""

    foreign_cpu_s: float
    cpu_s: float


@dataclass(frozen=True)
class Usage:
    """What the processors that we may use have done up to a moment, and what of it was ours; seconds."""

    busy_s: float
    ours_s: float
    processors: int

    @classmethod
    def now(cls, root_pid: int) -> Self:
        """As it stands; ours is the process ``root_pid`` and everything below it."""
        busy_s, processors = _busy()
        return cls(busy_s, tree_seconds(root_pid), processors)

    def until(self, later: Usage, seconds: float) -> Load:
        """What happened between two moments that are ``seconds`` apart."""
        foreign_s = (later.busy_s - self.busy_s) - (later.ours_s - self.ours_s)
        return Load(foreign_s, later.processors * seconds)


def _busy() -> tuple[float, int]:
    """Seconds that were not idle, a hypervisor's share (``steal``) among them, and on how many processors."""
    each = busy_seconds()
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(each))
    if max(usable) < len(each):
        each = [each[number] for number in usable]
    return sum(each), len(each)


def tree_seconds(root_pid: int) -> float:
    """Processor time of a process and all below it, of children that have ended too; 0 if it has ended itself."""
    known = processes()
    if root_pid not in known:
        return 0.0
    return known[root_pid].seconds + sum(known[pid].seconds for pid in below(root_pid, known))


def is_below(pid: int, root_pid: int) -> bool:
    """Whether ``pid`` is the process ``root_pid`` or below it; one that is not there is not."""
    known = processes()
    return pid in known and (pid == root_pid or pid in below(root_pid, known))


def container_throttled(groups: str | None = None, mounted: Path = Path("/sys/fs/cgroup")) -> int | None:
    """How many periods of a control group's limit have held this process back, up to now; ``None`` where none counts.

    Every group above its own may have a limit, and each counts its own: they are added.
    ``groups`` is the text of ``/proc/self/cgroup``. Inside a container the names in it may be the host's, and only the
    mounted root is there to be read.
    """
    own = _own_groups(groups if groups is not None else _text(Path("/proc/self/cgroup")))
    for folder, name in ((mounted, own.get("")), (mounted / "cpu", own.get("cpu"))):
        counts = [_count(path / "cpu.stat") for path in _upwards(folder, name or "/")]
        if any(count is not None for count in counts):
            return sum(count or 0 for count in counts)
    return None


def _own_groups(text: str) -> dict[str, str]:
    """Controller → the group's path; of version 2 the controller's name is empty."""
    lines = [line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2]
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def _upwards(mounted: Path, name: str) -> list[Path]:
    """A group's folder and all above it."""
    parts = [part for part in name.split("/") if part not in ("", "..")]
    return [mounted.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _count(path: Path) -> int | None:
    words = dict(line.split() for line in _text(path).splitlines() if len(line.split()) == 2)
    count = words.get("nr_throttled", "")
    return int(count) if count.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

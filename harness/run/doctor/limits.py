"""What a container leaves of the processor and the memory, by either version of Linux's control groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

_ROOT, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60  # version 1 writes a number beyond any memory for none

Number = TypeVar("Number", int, float)


def cgroup_limits(root: Path = _ROOT, own: Path = _OWN) -> tuple[float | None, int | None]:
    """Processors and bytes: the least over this process's group and those above it; ``None`` where none is set.

    Args:
        root: where control groups are mounted.
        own: the file that names this process's groups.
    """
    folders = list(_folders(root, _read(own)))
    cpus = (_cpus(folder) for folder in folders)
    memory = (_bytes(folder) for folder in folders)
    return _least(cpus), _least(memory)


def cgroup_room(root: Path = _ROOT, own: Path = _OWN) -> int | None:
    """Bytes that are left below the limit of the tightest group; files that could be dropped count as left."""
    rooms = (_room(folder) for folder in _folders(root, _read(own)))
    return _least(rooms)


def _room(folder: Path) -> int | None:
    limit = _bytes(folder)
    used = (_read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes")).strip()
    if limit is None or not used.isdigit():
        return None
    lines = (line.split() for line in _read(folder / "memory.stat").splitlines())
    files = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
    return max(limit - int(used) + files.get("total_inactive_file", files.get("inactive_file", 0)), 0)


def _folders(root: Path, own: str) -> Iterator[Path]:
    """Each group's folder and the folders above it. Inside a container the path may be one of the outside's."""
    for line in own.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for base in (root / name for name in controllers.split(",")) if controllers else (root, root / "unified"):
            group = base / path.strip("/")
            yield from (folder for folder in (group, *group.parents) if folder == base or base in folder.parents)


def _cpus(folder: Path) -> float | None:
    """A quota over its period, both in microseconds; ``max`` and -1 are no limit."""
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = (_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _bytes(folder: Path) -> int | None:
    text = (_read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")).strip()
    return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None


def _least(values: Iterable[Number | None]) -> Number | None:
    return min((value for value in values if value is not None), default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

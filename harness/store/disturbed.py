"""The record of what disturbed a timed block, its sentence, and several blocks as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from harness.base import Frozen

T = TypeVar("T", int, float)

FOREIGN_LOAD_LIMIT = 0.05  # of the processors' time; under it is what any system does by itself
_LEAST_FOREIGN_CPU_S = 0.05  # a system counts in hundredths of a second, on each processor


class Disturbed(Frozen):
    """What disturbed a timed block. ``None`` is a reading that was not given; ``missing`` has its reason."""

    seconds: float  # of the block
    throttled: tuple[str, ...] | None = None  # why the device ran slower than it could, each reason once
    clock_settings: tuple[str, ...] = ()  # clocks that somebody has set; no disturbance
    clock_samples: int = 0  # how often the clocks were looked at
    foreign_processes: int | None = None  # others' on the device, the most that were there at once
    foreign_cpu_s: float | None = None  # seconds of processor time that others had; rounding may take it under 0
    cpu_s: float | None = None  # of how many
    container_throttled: int | None = None  # periods in which a container's limit held its processes back
    governor: str | None = None  # of the processor's clock
    missing: dict[str, str] = {}
    notes: tuple[str, ...] = ()  # how a reading was understood

    @property
    def foreign_load(self) -> float | None:
        """The share of the processors' time that others had, 0 to 1."""
        if self.foreign_cpu_s is None or not self.cpu_s:
            return None
        return min(max(self.foreign_cpu_s / self.cpu_s, 0.0), 1.0)

    @property
    def is_disturbed(self) -> bool:
        """Whether anything was seen that makes a timing doubtful."""
        return bool(self.seen())

    def words(self) -> str:
        """What was seen, as one sentence."""
        seen = self.seen()
        if not seen:
            return "Nothing that disturbed it was seen."
        return f"{seen[0][0].upper()}{'; '.join(seen)[1:]}."

    def seen(self) -> list[str]:
        """What was seen that makes a timing doubtful, each in words."""
        found: list[str] = []
        if self.throttled:
            found.append(f"the device was throttled ({', '.join(self.throttled)})")
        if self.foreign_processes:
            found.append(f"{_counted(self.foreign_processes, 'other process', 'other processes')} used the device")
        if self._is_busy_elsewhere():
            found.append(f"other processes had {self.foreign_load:.0%} of the processors' time")
        if self.container_throttled:
            times = _counted(self.container_throttled, "time", "times")
            found.append(f"the container's processor limit held it back {times}")
        return found

    def _is_busy_elsewhere(self) -> bool:
        return (self.foreign_cpu_s or 0.0) >= _LEAST_FOREIGN_CPU_S and (self.foreign_load or 0.0) > FOREIGN_LOAD_LIMIT


def together(blocks: Sequence[Disturbed]) -> Disturbed | None:
    """Several blocks as one: reasons united, times and counts added, the most foreign processes; ``None`` of none.

    A reading is there if any block has it; its reason for missing stays beside it where another block lacks it.
    """
    if not blocks:
        return None
    throttled = [block.throttled for block in blocks if block.throttled is not None]
    loads = [block for block in blocks if block.foreign_cpu_s is not None and block.cpu_s is not None]
    return Disturbed(
        seconds=sum(block.seconds for block in blocks),
        throttled=_united(throttled) if throttled else None,
        clock_settings=_united(block.clock_settings for block in blocks),
        clock_samples=sum(block.clock_samples for block in blocks),
        foreign_processes=max(_given(block.foreign_processes for block in blocks), default=None),
        foreign_cpu_s=_added(block.foreign_cpu_s for block in loads),
        cpu_s=_added(block.cpu_s for block in loads),
        container_throttled=_added(block.container_throttled for block in blocks),
        governor=", ".join(_united((block.governor,) for block in blocks if block.governor)) or None,
        missing={name: reason for block in blocks for name, reason in block.missing.items()},
        notes=_united(block.notes for block in blocks),
    )


def _given(values: Iterable[T | None]) -> list[T]:
    return [value for value in values if value is not None]


def _added(values: Iterable[T | None]) -> T | None:
    found = _given(values)
    return sum(found[1:], start=found[0]) if found else None


def _united(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for group in groups for word in group))


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

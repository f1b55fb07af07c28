"""A light thread that looks at a GPU while a block runs: why its clocks are where they are, and who else is on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.measure.nvml import Gpu, NvmlError, limits, settings

SAMPLE_EVERY_S = 0.1
_PROCESSES_EVERY = 10  # samples: who is on the device changes seldom, and is dearer to ask

_STRANGERS = (
    "the driver numbers processes as the host does and this container otherwise: one of those on the device is "
    "taken to be ours"
)


class DeviceWatch:
    """What was seen of a device over the block, at its ends and every ``every_s`` seconds between.

    ``throttled`` and ``foreign_processes`` are ``None`` where NVML did not give them; ``missing`` has the reasons.
    ``is_ours`` says of a process's number whether it is one of those that are measured.
    """

    def __init__(self, gpu: Gpu, is_ours: Callable[[int], bool], every_s: float = SAMPLE_EVERY_S) -> None:
        self._gpu, self._is_ours, self._every_s = gpu, is_ours, every_s
        self._bits, self._known = 0, dict[int, bool]()
        self.samples = 0
        self.foreign_processes: int | None = None
        self._refused: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look(processes=True)
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look(processes=True)

    @property
    def throttled(self) -> tuple[str, ...] | None:
        """Every reason that any sample saw."""
        return limits(self._bits) if self.samples else None

    @property
    def clock_settings(self) -> tuple[str, ...]:
        """Clocks that somebody has set."""
        return settings(self._bits)

    @property
    def missing(self) -> dict[str, str]:
        """The last reason of each reading that no sample gave."""
        return {name: reason for name, reason in self._refused.items() if getattr(self, name) is None}

    def _watch(self) -> None:
        count = 0
        while not self._stop.wait(self._every_s):
            count += 1
            self._look(processes=count % _PROCESSES_EVERY == 0)

    def _look(self, *, processes: bool) -> None:
        try:
            self._bits |= self._gpu.clock_reasons()
            self.samples += 1
        except NvmlError as error:
            self._refused["throttled"] = str(error)
        if processes:
            self._look_for_others()

    def _look_for_others(self) -> None:
        try:
            pids = self._gpu.processes()
        except NvmlError as error:
            self._refused["foreign_processes"] = str(error)
            return
        if not pids:
            self._refused["foreign_processes"] = "NVML lists no process on the device, not even ours"
            return
        self._known |= {pid: self._is_ours(pid) for pid in pids if pid not in self._known}
        others = sum(not self._known[pid] for pid in pids)
        if others == len(pids):
            others, self.notes = others - 1, (_STRANGERS,)
        self.foreign_processes = max(self.foreign_processes or 0, others)

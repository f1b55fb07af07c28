"""What disturbed a timed block: a throttled device, others on it, others on the processors. Imports no torch."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Self

from harness.measure.device_watch import SAMPLE_EVERY_S, DeviceWatch
from harness.measure.environment import governor
from harness.measure.nvml import FoundGpu, find_gpu
from harness.measure.processor_load import Usage, container_throttled, is_below
from harness.store.disturbed import Disturbed

_NO_GOVERNOR = "the system shows no governor of the processor's clock"
_NO_GROUP = "no control group of this process counts throttled periods"


class Disturbance:
    """What disturbed the block: ``found``, once it has ended, however it ended.

    ``root_pid`` is the process whose time and whose place on the device are ours, with all below it: the one that
    started the run, so that neither it nor its workers count as others.
    """

    found: Disturbed

    def __init__(self, found: FoundGpu, root_pid: int, every_s: float = SAMPLE_EVERY_S) -> None:
        self._reason, self._root_pid = found.reason or "", root_pid
        self._watch = DeviceWatch(found.gpu, lambda pid: is_below(pid, root_pid), every_s) if found.gpu else None

    def __enter__(self) -> Self:
        self._usage, self._held_back = Usage.now(self._root_pid), container_throttled()
        if self._watch is not None:
            self._watch.__enter__()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        seconds = time.perf_counter() - self._began
        usage, held_back = Usage.now(self._root_pid), container_throttled()
        if self._watch is not None:
            self._watch.__exit__()
        self.found = self._record(seconds, usage, held_back)

    def _record(self, seconds: float, usage: Usage, held_back: int | None) -> Disturbed:
        watch, load = self._watch, self._usage.until(usage, seconds)
        times = None if held_back is None or self._held_back is None else max(held_back - self._held_back, 0)
        clock = governor()
        return Disturbed(
            seconds=seconds,
            throttled=watch.throttled if watch else None,
            clock_settings=watch.clock_settings if watch else (),
            clock_samples=watch.samples if watch else 0,
            foreign_processes=watch.foreign_processes if watch else None,
            foreign_cpu_s=load.foreign_cpu_s,
            cpu_s=load.cpu_s,
            container_throttled=times,
            governor=clock,
            missing=self._missing(times, clock),
            notes=watch.notes if watch else (),
        )

    def _missing(self, times: int | None, clock: str | None) -> dict[str, str]:
        names = ("throttled", "foreign_processes")
        found = self._watch.missing if self._watch else dict.fromkeys(names, self._reason)
        here = {} if times is not None else {"container_throttled": _NO_GROUP}
        return found | here | ({} if clock else {"governor": _NO_GOVERNOR})


def disturbance(device: str, root_pid: int | None = None) -> Disturbance:
    """The tracker for ``device`` ("cpu", "cuda:0", "mps"); ``root_pid`` (else this process) and all below are ours."""
    return Disturbance(find_gpu(device), os.getpid() if root_pid is None else root_pid)

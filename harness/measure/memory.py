"""Bytes: a process's resident memory, sampled from outside it, and a device's allocated peak. Imports no torch."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Protocol, Self

from harness.measure.system import below, processes, resident_bytes

__all__ = ["DeviceMemory", "ResidentMemory", "device_memory", "resident_bytes"]

SAMPLE_EVERY_S = 0.015
_LOOK_FOR_CHILDREN_EVERY_S = 0.5


class ResidentMemory:
    """Peak resident memory of another process and its children while the block runs, sampled by a thread.

    Sampling, because the system's own peak (``ru_maxrss``) never resets; from outside, so that the sampler neither
    slows what it measures nor counts itself. A peak shorter than ``SAMPLE_EVERY_S`` seconds can be missed.
    """

    def __init__(self, pid: int, every_s: float = SAMPLE_EVERY_S) -> None:
        self._pid, self._every_s = pid, every_s
        self._children: list[int] = []
        self._children_seen = -_LOOK_FOR_CHILDREN_EVERY_S
        self._peak, self._lock, self._stop = 0, threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak_bytes(self) -> int:
        """The highest sample since the block or the last ``reset`` began."""
        self._sample()
        return self._peak

    def reset(self) -> None:
        """Begin a new peak, from what is resident now."""
        with self._lock:
            self._peak = 0
        self._sample()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self._sample()

    def _sample(self) -> None:
        with self._lock:
            if time.monotonic() - self._children_seen >= _LOOK_FOR_CHILDREN_EVERY_S:
                self._children = list(below(self._pid, processes()))
                self._children_seen = time.monotonic()
            self._peak = max(self._peak, sum(map(resident_bytes, [self._pid, *self._children])))


class DeviceMemoryApi(Protocol):
    """What is needed of ``torch.cuda``."""

    def reset_peak_memory_stats(self, device: str) -> None:
        """Begin a new peak."""
        ...

    def max_memory_allocated(self, device: str) -> int:
        """Bytes of tensors at the peak: what the work needs."""
        ...

    def max_memory_reserved(self, device: str) -> int:
        """Bytes held by the allocator at the peak: what must fit on the device."""
        ...

    def mem_get_info(self, device: str) -> tuple[int, int]:
        """Bytes of the whole device that are free, and that it has."""
        ...


class DeviceMemory:
    """Peak memory of a device over the block: ``peak_bytes`` allocated and ``reserved_bytes``, once it has ended.

    ``used_bytes`` is what the whole device had in use at the end, the allocator's reserve still held: the context, the
    libraries' own and other processes' memory are in it. It is CUDA's own count: that needs no optional package, holds
    for the slice of a split card, and heeds ``CUDA_VISIBLE_DEVICES``. A block that failed has none.
    All stay ``None`` on a device whose allocator keeps no peak (CPU, MPS).
    """

    def __init__(self, device: str, api: DeviceMemoryApi | None) -> None:
        self._device, self._api = device, api
        self.peak_bytes: int | None = None
        self.reserved_bytes: int | None = None
        self.used_bytes: int | None = None

    def __enter__(self) -> Self:
        if self._api is not None:
            self._api.reset_peak_memory_stats(self._device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._api is not None:
            self.peak_bytes = self._api.max_memory_allocated(self._device)
            self.reserved_bytes = self._api.max_memory_reserved(self._device)
            if kind is None:  # a device that has failed may not answer, and would hide the failure
                free, total = self._api.mem_get_info(self._device)
                self.used_bytes = total - free


def device_memory(device: str) -> DeviceMemory:
    """The tracker for ``device`` ("cpu", "cuda:0", "mps")."""
    if not device.startswith("cuda"):
        return DeviceMemory(device, None)
    import torch

    return DeviceMemory(device, torch.cuda)

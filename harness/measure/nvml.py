"""What NVIDIA's management library tells of one device: energy, clock limits, processes. Imports no torch and no NVML.

The package (nvidia-ml-py) is optional: without it, without its driver or on another device there is no ``Gpu``, and a
reason in words. Bits and units: https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from harness.measure.card import CardId, card_of

T = TypeVar("T")

INSTALL = "pip install 'kandinsky-harness[nvml]'"
#: Bits by which a device runs slower than it could, though it was asked for all.
LIMITS = {
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "power brake",
    0x200: "board limit",
    0x400: "reliability",
}
#: Bits of clocks that somebody has set; a device that is measured often has them, and it is no disturbance.
SETTINGS = {0x002: "application clocks", 0x100: "display clocks"}
IDLE = 0x001


class NvmlError(Exception):
    """NVML did not give one reading; the message is a reason in words."""


class Gpu(Protocol):
    """One device's readings. Each raises ``NvmlError`` where the device or the driver does not give it."""

    @property
    def driver(self) -> str:
        """The driver's version."""
        ...

    def energy_mj(self) -> int:
        """Millijoules since the driver was loaded; moves about ten times a second."""
        ...

    def clock_reasons(self) -> int:
        """Why the clocks are where they are now, as NVML's bits (``LIMITS``, ``SETTINGS``, ``IDLE``)."""
        ...

    def processes(self) -> tuple[int, ...]:
        """The processes that use the device now, each once, by the numbers that the driver gives them."""
        ...


@dataclass(frozen=True)
class FoundGpu:
    """A device's readings, or ``None`` and the reason."""

    gpu: Gpu | None
    reason: str | None = None


def find_gpu(device: str) -> FoundGpu:
    """The readings of ``device`` ("cuda:0"; of "cpu" and "mps" there are none).

    The device is looked up by the identity that CUDA gives it, for NVML counts every card of the machine and knows
    nothing of ``CUDA_VISIBLE_DEVICES``.
    """
    if not device.startswith("cuda"):
        return FoundGpu(None, f"NVML reads NVIDIA's devices only, and this one is {device}")
    library, reason = _library()
    return FoundGpu(None, reason) if library is None else gpu_of(library, card_of(device))


def gpu_of(library: Any, card: CardId) -> FoundGpu:
    """The readings of one card through ``library``, the module pynvml or what has its functions."""
    wanted = [(library.nvmlDeviceGetHandleByUUID, name) for name in card.uuids]
    if not wanted and card.pci is not None:
        wanted = [(library.nvmlDeviceGetHandleByPciBusId, card.pci)]
    reason = "torch tells neither its UUID nor its place on the bus"
    for look, name in wanted:
        try:
            return FoundGpu(NvmlGpu(library, look(name)))
        except library.NVMLError as error:
            reason = f"{name}: {error}"
    return FoundGpu(None, f"NVML does not find the device ({reason})")


@cache
def _library() -> tuple[Any, str | None]:
    """The module pynvml, started once and for this process's life."""
    return started(lambda: importlib.import_module("pynvml"))


def started(load: Callable[[], Any]) -> tuple[Any, str | None]:
    """The module that ``load`` gives, started; or ``None`` and the reason, where there is no package or no driver."""
    try:
        library = load()
    except ImportError:
        return None, f"the package nvidia-ml-py is not installed ({INSTALL})"
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        return None, f"NVML does not start: {error}"
    return library, None


class NvmlGpu:
    """``Gpu`` through the module pynvml (or what has its functions) and a handle of its."""

    def __init__(self, library: Any, handle: Any) -> None:
        self._library, self._handle = library, handle

    @property
    def driver(self) -> str:
        """The driver's version."""
        return str(self._asked("the driver's version", self._library.nvmlSystemGetDriverVersion))

    def energy_mj(self) -> int:
        """Millijoules since the driver was loaded; refused on a split card, where the counter is everybody's."""
        if self._is_split():
            raise NvmlError("the card is split (MIG), and its energy counter is of the whole card")
        read = self._library.nvmlDeviceGetTotalEnergyConsumption
        return int(self._asked("the energy counter", lambda: read(self._handle)))

    def clock_reasons(self) -> int:
        """NVML's bits, now."""
        read = self._library.nvmlDeviceGetCurrentClocksEventReasons
        return int(self._asked("the clocks' reasons", lambda: read(self._handle)))

    def processes(self) -> tuple[int, ...]:
        """Computing ones, and those that draw and do not compute."""
        computing = self._pids(self._library.nvmlDeviceGetComputeRunningProcesses)
        drawing = self._pids(self._library.nvmlDeviceGetGraphicsRunningProcesses)
        return (*computing, *(pid for pid in drawing if pid not in computing))

    def _pids(self, read: Callable[[Any], Any]) -> list[int]:
        return [int(process.pid) for process in self._asked("the processes", lambda: read(self._handle))]

    def _is_split(self) -> bool:
        try:
            return bool(self._library.nvmlDeviceGetMigMode(self._handle)[0])
        except self._library.NVMLError:  # most cards cannot be split
            return False

    def _asked(self, what: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except self._library.NVMLError as error:
            raise NvmlError(f"NVML does not give {what}: {error}") from error


def limits(bits: int) -> tuple[str, ...]:
    """The throttling among the clocks' reasons, in words; a bit that is not known is named by its number."""
    unknown = bits & ~(sum(LIMITS) | sum(SETTINGS) | IDLE)
    named = [word for bit, word in LIMITS.items() if bits & bit]
    return (*named, f"unknown reason {unknown:#x}") if unknown else tuple(named)


def settings(bits: int) -> tuple[str, ...]:
    """The clocks that somebody has set, in words."""
    return tuple(word for bit, word in SETTINGS.items() if bits & bit)

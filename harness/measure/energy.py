"""Joules: the difference of a device's energy counter over a block. Imports no torch.

The counter is NVML's, of the whole card: what other processes use meanwhile is in it (``disturbance.py`` counts them),
and so is what the card takes when it idles.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from harness.measure.latency import Synchronise, synchroniser
from harness.measure.nvml import FoundGpu, NvmlError, find_gpu


class Energy:
    """Energy of a device over the block: ``joules`` once it has ended, or ``None`` and the ``reason``.

    The counter moves about ten times a second: measure a block of a second or more, several calls in one.
    """

    def __init__(self, found: FoundGpu, synchronise: Synchronise) -> None:
        self._gpu, self._synchronise = found.gpu, synchronise
        self._began_mj: int | None = None
        self.joules: float | None = None
        self.reason: str | None = found.reason or "the block has not ended"

    @property
    def reads(self) -> bool:
        """Whether there is a counter to read."""
        return self._gpu is not None

    def __enter__(self) -> Self:
        if self._gpu is not None:
            self._synchronise()
            self._began_mj = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._gpu is None or self._began_mj is None:
            return
        if kind is not None:  # half a block's energy is nobody's; and a device that has failed may not synchronise
            self.reason = f"the block ended with {kind.__name__}"
            return
        self._synchronise()
        ended_mj = self._read()
        if ended_mj is not None:
            self.joules, self.reason = joules_between(self._began_mj, ended_mj)

    def _read(self) -> int | None:
        assert self._gpu is not None
        try:
            return self._gpu.energy_mj()
        except NvmlError as error:
            self.reason = str(error)
            return None


def joules_between(began_mj: int, ended_mj: int) -> tuple[float | None, str | None]:
    """The difference of two readings in joules, or ``None`` and why it is none."""
    if ended_mj < began_mj:
        told = f"from {began_mj} to {ended_mj} mJ"
        return None, f"the energy counter went backwards, {told}: the driver was loaded anew, or the counter is full"
    if ended_mj == began_mj:
        return None, "the energy counter did not move: the block is shorter than its step of about 0.1 s"
    return (ended_mj - began_mj) / 1000.0, None


def energy(device: str) -> Energy:
    """The tracker for ``device`` ("cpu", "cuda:0", "mps")."""
    found = find_gpu(device)
    return Energy(found, synchroniser(device) if found.gpu is not None else lambda: None)

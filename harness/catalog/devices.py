"""Devices that a plan can be asked about without having one: how much memory each has. Imports no torch."""

from __future__ import annotations

import difflib
import re

from harness.base import Frozen

_MODAL = "nvidia-smi, as listed in modal-labs/modal-client#2797"
_SMI = "nvidia-smi of that card, in public listings"


class DeviceRow(Frozen):
    """A device by the name that ``harness plan --device`` takes."""

    name: str
    what: str
    memory_mib: int  # all of it, as the driver tells; what the driver itself and a process's context take is in it
    source: str

    @property
    def memory_bytes(self) -> int:
        """All of its memory."""
        return self.memory_mib * 2**20


def _row(name: str, what: str, memory_mib: int, source: str = _SMI) -> DeviceRow:
    return DeviceRow(name=name, what=what, memory_mib=memory_mib, source=source)


DEVICES: dict[str, DeviceRow] = {
    row.name: row
    for row in (
        _row("t4", "NVIDIA T4", 15360, _MODAL),
        _row("v100-16gb", "NVIDIA V100, 16 GB", 16384),
        _row("v100-32gb", "NVIDIA V100, 32 GB", 32768),
        _row("l4", "NVIDIA L4", 23034, _MODAL),
        _row("a10", "NVIDIA A10 or A10G", 23028, _MODAL),
        _row("l40s", "NVIDIA L40S", 46068, _MODAL),
        _row("a100-40gb", "NVIDIA A100, 40 GB", 40960, _MODAL),
        _row("a100-80gb", "NVIDIA A100, 80 GB", 81920, _MODAL),
        _row("h100-80gb", "NVIDIA H100, 80 GB", 81559, _MODAL),
        _row("h200", "NVIDIA H200", 143771),
        _row("rtx-3060", "NVIDIA GeForce RTX 3060, 12 GB", 12288),
        _row("rtx-3090", "NVIDIA GeForce RTX 3090", 24576),
        _row("rtx-4090", "NVIDIA GeForce RTX 4090", 24564),
        _row("rtx-5090", "NVIDIA GeForce RTX 5090", 32607),
        _row("rtx-a6000", "NVIDIA RTX A6000", 49140),
    )
}

_UNITS = {"gib": 2**30, "mib": 2**20, "gb": 10**9, "mb": 10**6}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def memory_bytes(text: str) -> int:
    """``16GiB`` (of 2³⁰ bytes), ``16GB`` (of 10⁹), ``800MiB``, ``800MB`` as bytes.

    Raises:
        ValueError: it is none of these; the message says what was expected.
    """
    found = _MEMORY.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found is not None else None
    if found is None or unit is None or float(found[1]) == 0:
        raise ValueError(f"{text!r} is no amount of memory: write 16GiB (17.2 billion bytes) or 16GB (16 billion)")
    return round(float(found[1]) * unit)


def nearest_device(name: str) -> str | None:
    """The row whose name begins so, or is most like it."""
    begun = [row for row in DEVICES if row.startswith(name.lower())]
    return next(iter([*begun, *difflib.get_close_matches(name.lower(), DEVICES, 1)]), None)

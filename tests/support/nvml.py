"""A stand-in for the module pynvml: cards with known readings, each of which can be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """What pynvml raises."""


@dataclass
class Card:
    """One card; a reading named in ``refuses`` is answered as a card or a driver without it answers."""

    uuid: str = "GPU-a"
    pci: str = "00000000:01:00.0"
    energy_mj: Iterator[int] = field(default_factory=lambda: iter(()))
    bits: int = 0
    computing: list[int] = field(default_factory=list)
    drawing: list[int] = field(default_factory=list)
    split: bool | None = None  # None: a card that cannot be
    refuses: set[str] = field(default_factory=set)

    def give(self, name: str, value: Any) -> Any:
        """A reading."""
        if name in self.refuses:
            raise NVMLError("Not Supported")
        return value


class FakeNvml:
    """The functions of pynvml that are used, for a machine with ``cards``; a handle is the card itself."""

    NVMLError = NVMLError

    def __init__(self, *cards: Card, driver: bool = True) -> None:
        self.cards, self.has_driver, self.started = cards, driver, 0

    def nvmlInit(self) -> None:  # noqa: N802  (pynvml's names)
        if not self.has_driver:
            raise NVMLError("Driver Not Loaded")
        self.started += 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.65.06"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Card:  # noqa: N802
        return self._only(card for card in self.cards if card.uuid == uuid)

    def nvmlDeviceGetHandleByPciBusId(self, pci: str) -> Card:  # noqa: N802
        return self._only(card for card in self.cards if card.pci == pci)

    def nvmlDeviceGetTotalEnergyConsumption(self, card: Card) -> int:  # noqa: N802
        return int(card.give("energy", None) or next(card.energy_mj))

    def nvmlDeviceGetCurrentClocksEventReasons(self, card: Card) -> int:  # noqa: N802
        return int(card.give("clocks", card.bits))

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in card.give("processes", card.computing)]

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: Card) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in card.give("processes", card.drawing)]

    def nvmlDeviceGetMigMode(self, card: Card) -> list[int]:  # noqa: N802
        if card.split is None:
            raise NVMLError("Not Supported")
        return [int(card.split), int(card.split)]

    @staticmethod
    def _only(found: Iterator[Card]) -> Card:
        card = next(found, None)
        if card is None:
            raise NVMLError("Not Found")
        return card

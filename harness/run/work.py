"""How the quality pass's work is cut for its stations, and when a cell may be scored."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.plan.types import Cell, LoadGroup, Plan
from harness.store.records import CellRecord


def chunks(plan: Plan, stations: int) -> list[tuple[LoadGroup, list[Cell]]]:
    """Load groups, each cut so that every station has something to do; converged solutions come first in each."""
    found: list[tuple[LoadGroup, list[Cell]]] = []
    for group in plan.groups:
        units = _units([plan.cell(cell_id) for cell_id in group.cells])
        parts = min(len(units), -(-stations // len(plan.groups)))
        found += [(group, [cell for unit in units[i::parts] for cell in unit]) for i in range(parts)]
    return found


def _units(cells: list[Cell]) -> list[list[Cell]]:
    """Cells of the same settings make the same pictures: one station makes them, so that none is made twice."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.settings.model_dump_json(), []).append(cell)
    return list(found.values())


@dataclass
class Gate:
    """Hands each whole cell over once, and not before the converged solution that it is held against is settled."""

    done: Callable[[CellRecord], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _settled: set[str] = field(default_factory=set)
    _waiting: dict[str, list[CellRecord]] = field(default_factory=dict)

    def settle(self, cell: Cell, record: CellRecord) -> None:
        """A cell was made, or failed: hand it over, or keep it, and hand over those that waited for it."""
        for ready in self._ready(cell, record):
            self.done(ready)

    def _ready(self, cell: Cell, record: CellRecord) -> list[CellRecord]:
        with self._lock:
            self._settled.add(cell.id)
            waited = self._waiting.pop(cell.id, [])
            if record.status == "failed":
                return waited
            if cell.converged is not None and cell.converged not in self._settled:
                self._waiting.setdefault(cell.converged, []).append(record)
                return waited
            return [record, *waited]

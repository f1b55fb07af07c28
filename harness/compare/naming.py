"""What a cell is called by all of its knobs: a name that does not move when a run sweeps more, or less, beside it."""

from __future__ import annotations

from typing import Any

from harness.compare.types import OneSided
from harness.plan.cells import label_from
from harness.plan.types import Settings
from harness.spec.knobs import KNOBS, label_of
from harness.store.records import CellRecord


def full_name(settings: Settings) -> str:
    """Every knob that the cell has, in the vocabulary's order: "mini-2.2 · text-to-image · … · DDIM · 10 steps"."""
    found = {knob: _value(settings, knob) for knob in KNOBS}
    return label_from({knob: label_of(knob, value) for knob, value in found.items() if value is not None})


def _value(settings: Settings, knob: str) -> Any:
    return (settings.height, settings.width) if knob == "size" else getattr(settings, knob)


def one_sided(cells: tuple[CellRecord, ...]) -> tuple[OneSided, ...]:
    """Cells without a partner."""
    return tuple(OneSided(label=cell.label, name=full_name(cell.settings), cell_id=cell.cell_id) for cell in cells)

"""The ladder: what each step of a growing stack adds to the rung below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.catalog.stacks import label_of_stack
from harness.report.optimizations.audit import Audited, Family
from harness.report.optimizations.costs import Saved, memory_saved, speed_up
from harness.stats.ratio import OverVisits


@dataclass(frozen=True)
class Rung:
    """A step from one cell to the next. ``added``: the optimization or the dtype; ``None`` where not measured."""

    below: Audited
    one: Audited
    added: str
    speed: OverVisits | None
    memory: Saved | None


def ladder(family: Family) -> tuple[Rung, ...]:
    """The rungs of every ladder that has more than one; none where each step starts at the reference."""
    rungs = [rung for one in family.cells if (rung := _rung(family, one)) is not None]
    stood_on = {rung.below.cell.cell_id for rung in rungs if not rung.below.is_reference}
    return tuple(r for r in rungs if not r.below.is_reference or r.one.cell.cell_id in stood_on)


def _rung(family: Family, one: Audited) -> Rung | None:
    below = _below(family, one)
    if below is None or one.is_again:
        return None
    stack, under = one.cell.settings.optimizations, below.cell.settings.optimizations
    added = stack[-1].label if len(stack) > len(under) else one.cell.settings.dtype
    both = one.cell.status == below.cell.status == "done"
    speed = speed_up(one.cell, below.cell) if both else None
    return Rung(below, one, added, speed, memory_saved(one.cell, below.cell) if both else None)


def _below(family: Family, one: Audited) -> Audited | None:
    """The cell with the stack but for its last, in the same dtype; else the same stack in an earlier cell's dtype."""
    stack = one.cell.settings.optimizations
    if stack and (found := _with(family.cells, label_of_stack(stack[:-1]), one.cell.settings.dtype)):
        return found
    before = family.cells[: family.cells.index(one)]
    same = [other for other in before if label_of_stack(other.cell.settings.optimizations) == label_of_stack(stack)]
    return same[-1] if same else None


def _with(cells: Sequence[Audited], stack: str, dtype: str) -> Audited | None:
    known = (one for one in cells if label_of_stack(one.cell.settings.optimizations) == stack)
    return next((one for one in known if one.cell.settings.dtype == dtype), None)

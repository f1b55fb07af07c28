"""``compare_to: first-that-fits``: which cell a family is held against is known when its pictures are made, or not."""

from __future__ import annotations

from dataclasses import replace

from harness.plan.types import Cell, Plan
from harness.run.desk import Desk


def settle_references(desk: Desk) -> Desk:
    """Hold every family against its first cell that did not fail; the plan and the records say so from then on."""
    if not desk.plan.first_that_fits:
        return desk
    fits = {cell_id for cell_id, record in desk.ledger.cells.items() if record.status != "failed"}
    plan = settled(desk.plan, fits)
    desk.ledger.save(plan=plan)
    for cell in plan.cells:
        desk.ledger.cell(cell.id, reference=cell.reference, is_reference=cell.is_reference)
    return replace(desk, plan=plan)


def settled(plan: Plan, fits: set[str]) -> Plan:
    """The plan with each family's reference among the cells that fit; a family of which none does keeps its own."""
    families: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        families.setdefault(cell.reference or cell.id, []).append(cell)
    heads = {first: next((c.id for c in members if c.id in fits), first) for first, members in families.items()}
    cells = tuple(_settled(cell, heads[cell.reference or cell.id]) for cell in plan.cells)
    return plan.model_copy(update={"cells": cells})


def _settled(cell: Cell, head: str) -> Cell:
    reference = None if cell.id == head or cell.is_converged else head
    return cell.model_copy(update={"reference": reference, "is_reference": cell.id == head})

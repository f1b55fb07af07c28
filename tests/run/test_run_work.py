"""Work is cut so that no picture is made twice, and a cell is scored only when what it is held against is there."""

from __future__ import annotations

import threading

from support.plans import make_plan

from harness.plan.types import Cell, LoadGroup, Plan
from harness.run.ledger import pending
from harness.run.work import Gate, chunks
from harness.store.records import CellRecord

BASE = make_plan(cells=4)


def _plan(*groups: list[Cell]) -> Plan:
    cells = [cell for group in groups for cell in group]
    known = {**BASE.groups[0].model_dump(), "cells": ()}
    made = (LoadGroup(**{**known, "id": str(i), "cells": [c.id for c in g]}) for i, g in enumerate(groups))
    return BASE.model_copy(update={"cells": tuple(cells), "groups": tuple(made)})


def _twin(cell: Cell) -> Cell:
    return cell.model_copy(update={"id": f"converged-{cell.id}", "is_converged": True})


def _names(plan: Plan, stations: int) -> list[tuple[str, list[str]]]:
    return [(group.id, [cell.id for cell in cells]) for group, cells in chunks(plan, stations)]


def test_every_station_has_something_to_do() -> None:
    a, b, c, d = BASE.cells
    assert _names(_plan([a, b, c, d]), 2) == [("0", [a.id, c.id]), ("0", [b.id, d.id])]
    assert _names(_plan([a, b], [c]), 2) == [("0", [a.id, b.id]), ("1", [c.id])]
    assert _names(_plan([a]), 3) == [("0", [a.id])]


def test_cells_that_make_the_same_pictures_stay_together() -> None:
    a, b, c, _ = BASE.cells
    twin = _twin(c)
    assert _names(_plan([twin, a, b, c]), 2) == [("0", [twin.id, c.id, b.id]), ("0", [a.id])]
    assert _names(_plan([twin, c]), 2) == [("0", [twin.id, c.id])]


def _record(cell: Cell, status: str = "pending") -> CellRecord:
    return pending("run", cell).model_copy(update={"status": status})


def _settled(*steps: tuple[Cell, str]) -> list[str]:
    """What the gate hands over, in order, as cells are settled one after another."""
    seen: list[str] = []
    gate = Gate(lambda record: seen.append(record.cell_id))
    for cell, status in steps:
        gate.settle(cell, _record(cell, status))
    return seen


def test_a_cell_waits_for_its_converged_solution() -> None:
    a, b, c, _ = BASE.cells
    solution = _twin(c)
    held = [cell.model_copy(update={"converged": solution.id}) for cell in (a, b)]
    made = "pending"
    assert _settled((held[0], made), (c, made)) == [c.id], "it waits alone"
    assert _settled((held[0], made), (solution, made), (held[1], made)) == [solution.id, a.id, b.id]
    assert _settled((solution, made), (held[0], made)) == [solution.id, a.id]


def test_a_failed_solution_lets_them_go_and_a_failed_cell_is_not_handed_over() -> None:
    a, b, c, _ = BASE.cells
    solution = _twin(c)
    held = [cell.model_copy(update={"converged": solution.id}) for cell in (a, b)]
    assert _settled((held[0], "pending"), (held[1], "failed"), (solution, "failed")) == [a.id]
    assert _settled((solution, "failed"), (held[0], "pending")) == [a.id]


def test_stations_may_settle_at_the_same_time() -> None:
    base, solution = BASE.cells[0], _twin(BASE.cells[1])
    held = [base.model_copy(update={"id": f"c{i}", "converged": solution.id}) for i in range(64)]
    seen: list[str] = []
    gate = Gate(lambda record: seen.append(record.cell_id))
    threads = [threading.Thread(target=gate.settle, args=(c, _record(c))) for c in [*held[:32], solution, *held[32:]]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted([solution.id, *(cell.id for cell in held)])
    first = seen.index(solution.id)
    assert all(name == solution.id for name in seen[: first + 1]), "nobody before the solution"

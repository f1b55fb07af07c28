"""The records of a run while it is under way: changed under one lock, saved at each change."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from harness.plan.types import Cell, Plan
from harness.store.records import CellRecord, Failure, RunRecord, RunStatus
from harness.store.store import Store


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Ledger:
    """The run's record and its cells' records. Every change is on disk before the call returns."""

    def __init__(self, store: Store, run: RunRecord, cells: dict[str, CellRecord]) -> None:
        self._store, self._lock = store, threading.RLock()
        self.run, self.cells = run, cells

    @classmethod
    def open(cls, store: Store, run: RunRecord) -> Ledger:
        """Begin the records of a new run, or take up those of an interrupted one."""
        known = {record.cell_id: record for record in store.load_cells(run.run_id)}
        ledger = cls(store, run, {cell.id: known.get(cell.id, pending(run.run_id, cell)) for cell in run.plan.cells})
        for cell in run.plan.cells:
            if cell.id not in known:
                store.save_cell(ledger.cells[cell.id])
        return ledger

    def cell(self, cell_id: str, rows: list[dict[str, Any]] | None = None, **changes: Any) -> CellRecord:
        """Change a cell's record and save it, with its per-image rows where they are given."""
        with self._lock:
            record = self.cells[cell_id].model_copy(update=changes)
            self.cells[cell_id] = record
            self._store.save_cell(record, rows)
            return record

    def fail(self, cell_id: str, failure: Failure) -> CellRecord:
        """A cell's failure is its result."""
        return self.cell(cell_id, status="failed", failure=failure, finished_ms=now_ms())

    def save(self, **changes: Any) -> RunRecord:
        """Change the run's record and save it, counts included."""
        with self._lock:
            counts = counted(self.run.run_id, list(self.cells.values()))
            self.run = self.run.model_copy(update={**counts, **changes})
            self._store.save_run(self.run)
            return self.run

    def timed(self, calls: int) -> None:
        """Count calls of the timing pass; the next ``save`` writes their number."""
        with self._lock:
            self.run = self.run.model_copy(update={"timed_calls": self.run.timed_calls + calls})

    def finish(self) -> RunRecord:
        """Close the run: finished, or finished with cells that failed or whose scores did.

        Only now is nothing left that rounds of its timing pass would have to be kept for.
        """
        failed = any(
            record.status == "failed" or any(s.failed for s in record.scores) for record in self.cells.values()
        )
        status: RunStatus = "failed-cells" if failed else "finished"
        closed = self.save(status=status, finished_ms=now_ms())
        self._store.save_rounds(self.run.run_id, None)
        return closed


def counted(run_id: str, cells: list[CellRecord]) -> dict[str, dict[str, int]]:
    """``made`` and ``reused``: stage -> how many results the run computed, and how many uses the store served.

    It follows from the records alone, so that a run that was killed and continued counts like any other. A batch that
    two cells have in common was made for the first of them.
    """
    made, reused = Counter[str](), Counter[str]()
    priors: set[str] = set()
    known: set[str] = set()  # batches of the cells before
    for cell in cells:
        for batch in cell.batches:
            served = batch.reused or batch.key in known
            (reused if served else made)["images"] += len(batch.rows)
            if not served and batch.prior_key:
                first = batch.prior_made_in == run_id and batch.prior_key not in priors
                (made if first else reused)["prior"] += len(batch.rows)
                priors.add(batch.prior_key)
        known |= {batch.key for batch in cell.batches}
        for maker in cell.features_made_in.values():
            (made if maker == run_id else reused)["features"] += 1
        if cell.timing is not None:
            (made if cell.timing.measured_in == run_id else reused)["timing"] += 1
    return {"made": dict(made), "reused": dict(reused)}


def pending(run_id: str, cell: Cell) -> CellRecord:
    """The record of a cell that has not begun."""
    return CellRecord(
        run_id=run_id,
        cell_id=cell.id,
        label=cell.label,
        settings=cell.settings,
        swept=cell.swept,
        reference=cell.reference,
        is_reference=cell.is_reference,
        status="pending",
    )


def new_run(plan: Plan, run_id: str, name: str, command: str) -> RunRecord:
    """The record of a run that begins now."""
    return RunRecord(run_id=run_id, name=name, plan=plan, command=command, started_ms=now_ms())

"""Records → MLflow: one parent run for the sweep, one child for each cell. A copy that can always be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from harness.base import Frozen
from harness.errors import HarnessError
from harness.store.atomic import write_atomic
from harness.store.locks import hold
from harness.store.records import CellRecord, RunRecord
from harness.store.store import Store
from harness.track.content import cell_content, run_content
from harness.track.destination import Destination, destination
from harness.track.files import write_cell_files, write_run_files
from harness.track.quiet import quiet

if TYPE_CHECKING:
    from harness.track.sending import Sender

_LOCK = "mlflow.lock"  # a SQLite database has one writer
_PATIENCE_S = 120.0


class TrackError(HarnessError):
    """A run could not be sent to MLflow; its records are untouched."""


class TrackResult(Frozen):
    """Where a run is in MLflow, and how much of it. ``tracking_uri`` is without secrets."""

    tracking_uri: str
    experiment: str
    experiment_id: str
    parent_run_id: str
    page: str | None  # on a server
    cells: int  # sent, failed ones included
    cells_failed: int
    cells_open: int  # not sent: they have no result yet

    def __str__(self) -> str:
        failed = f", {self.cells_failed} of them failed" if self.cells_failed else ""
        left = f"; {self.cells_open} cells have no result yet" if self.cells_open else ""
        look = self.page or f'mlflow ui --backend-store-uri "{self.tracking_uri}"'
        return f"MLflow: experiment {self.experiment}, {self.cells} cells{failed}{left}. Look at it: {look}"


def track_run(store: Store, run_id: str, *, tracking_uri: str | None, experiment: str | None) -> TrackResult:
    """Send a run's records to MLflow; what is there already is completed, never doubled.

    Where it went is kept beside the records (``tracking.json``), for the report.

    Args:
        store: the store that holds the run.
        run_id: the run.
        tracking_uri: an MLflow server or database; by default the SQLite file ``mlflow.db`` in the store.
        experiment: the MLflow experiment's name; by default the spec's.

    Raises:
        TrackError: MLflow or its server refused, or cannot be reached. Repeating the call completes what it began.
    """
    run, cells = store.load_run(run_id), store.load_cells(run_id)
    where = destination(store.root, tracking_uri)
    name = experiment or run.plan.name
    with hold(store.root / _LOCK, _busy, wait_s=_PATIENCE_S), _explained(where, run_id), quiet():
        from harness.track.sending import Sender

        sender = Sender(where, name)
        parent_id = _send(sender, store, run, cells)
    sent = [cell for cell in cells if cell.status != "pending"]
    result = TrackResult(
        tracking_uri=where.shown,
        experiment=name,
        experiment_id=sender.experiment_id,
        parent_run_id=parent_id,
        page=where.page(sender.experiment_id, parent_id),
        cells=len(sent),
        cells_failed=sum(cell.status == "failed" for cell in sent),
        cells_open=len(run.plan.cells) - len(sent),
    )
    write_atomic(store.tracking_path(run_id), (result.model_dump_json(indent=1) + "\n").encode())
    return result


def _send(sender: Sender, store: Store, run: RunRecord, cells: list[CellRecord]) -> str:
    """The parent first, then its children; the parent is closed when all of them are there."""
    under_way = run.status == "running" and store.is_locked(run.run_id)
    known = {found.data.tags.get("kandinsky.cell_id"): found for found in sender.find({"kandinsky.run_id": run.run_id})}
    told = run_content(run, cells, under_way=under_way)
    parent_id = sender.send(known.get(None), told, partial(write_run_files, run=run, told=told))
    for cell in cells:
        if cell.status != "pending":
            child = cell_content(run, cell, parent_id)
            write = partial(write_cell_files, store=store, run=run, cell=cell, told=child)
            sender.close(sender.send(known.get(cell.cell_id), child, write), child)
    sender.close(parent_id, told)
    return parent_id


@contextmanager
def _explained(where: Destination, run_id: str) -> Iterator[None]:
    """Whatever MLflow raises, and its databases, drivers and network below it, as one that says what to do."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:
        name = f"{type(error).__name__}: " if type(error).__module__ == "builtins" else ""  # 'key' alone says nothing
        reason = where.without_secrets(f"{name}{error}").strip().splitlines() or [type(error).__name__]
        # from None: the chain below holds the address with its password
        raise TrackError(
            f"The run {run_id} could not be sent to MLflow at {where.shown}: {reason[0][:400]}",
            expected="an MLflow server or database that can be reached and written",
            do=f"once it can, `harness track {run_id}` completes it (--tracking-uri names another place); "
            "the run's own records and report are whole",
        ) from None


def _busy(holder: str) -> TrackError:
    return TrackError(
        f"Process {holder} has been sending to MLflow for two minutes.", do="repeat the command when it is done"
    )

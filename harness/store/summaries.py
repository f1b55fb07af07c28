"""Every run in a line: read as plain JSON, because a list must not cost what reading whole plans costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.base import Frozen
from harness.errors import HarnessError
from harness.store.runs import RunFolder
from harness.store.store import Store


class RunSummary(Frozen):
    """A run in a line.

    ``status`` is the record's, but ``interrupted`` where a run says it is running and no process holds it, and
    ``unreadable`` where a record is damaged or a newer version's: ``reason`` says which, the counts are then 0.
    """

    run_id: str
    name: str
    status: str
    cells_done: int
    cells_failed: int
    cells_total: int
    images: int
    started_ms: int
    seconds: float | None
    reused: dict[str, int]
    made: dict[str, int]
    reason: str | None = None
    timed_calls: int = 0  # of ``calls_to_time`` calls of the model, in a timing pass that is not over
    calls_to_time: int = 0


def summaries(store: Store) -> list[RunSummary]:
    """Every run of the store, oldest first; one unreadable record does not hide the others."""
    return [_summary(store.runs.folder(run_id)) for run_id in store.run_ids()]


def _summary(folder: RunFolder) -> RunSummary:
    try:
        run, cells = folder.raw(), folder.raw_cells()
        if run["status"] == "running" and not folder.locked():
            run = folder.raw()  # it may have ended between reading it and looking at its lock
    except HarnessError as error:
        return _unreadable(folder, error)
    return RunSummary(
        run_id=run["run_id"],
        name=run["name"],
        status=_status(run, folder),
        cells_done=sum(cell["status"] == "done" for cell in cells),
        cells_failed=sum(cell["status"] == "failed" for cell in cells),
        cells_total=len(run["plan"]["cells"]),
        images=sum(len(batch["rows"]) for cell in cells for batch in cell["batches"]),
        started_ms=run["started_ms"],
        seconds=_seconds(run),
        reused=run["reused"],
        made=run["made"],
        timed_calls=run.get("timed_calls", 0),
        calls_to_time=run.get("calls_to_time", 0),
    )


def _status(run: dict[str, Any], folder: RunFolder) -> str:
    return "interrupted" if run["status"] == "running" and not folder.locked() else str(run["status"])


def _seconds(run: dict[str, Any]) -> float | None:
    if run["finished_ms"] is None:
        return None
    return float(run["finished_ms"] - run["started_ms"]) / 1000


def _unreadable(folder: RunFolder, error: HarnessError) -> RunSummary:
    return RunSummary(
        run_id=folder.path.name,
        name="",
        status="unreadable",
        cells_done=0,
        cells_failed=0,
        cells_total=0,
        images=0,
        started_ms=round(_began(folder) * 1000),
        seconds=None,
        reused={},
        made={},
        reason=str(error),
    )


def _began(folder: RunFolder) -> float:
    """When a run began (Unix seconds), by its id; by its folder's age if a person renamed that."""
    try:
        return datetime.strptime(folder.path.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return folder.path.stat().st_mtime

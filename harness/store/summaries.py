"""Every run in a line: read as plain JSON, because a list must not cost what reading whole plans costs."""

from __future__ import annotations

from typing import Any

from harness.base import Frozen
from harness.store.runs import RunFolder
from harness.store.store import Store


class RunSummary(Frozen):
    """A run in a line; ``status`` is ``interrupted`` where a run says it is running and no process holds it."""

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


def summaries(store: Store) -> list[RunSummary]:
    """Every run of the store, oldest first."""
    return [_summary(store.runs.folder(run_id)) for run_id in store.run_ids()]


def _summary(folder: RunFolder) -> RunSummary:
    run, cells = folder.raw(), folder.raw_cells()
    status = run["status"]
    if status == "running" and not folder.locked():
        status = "interrupted"
    return RunSummary(
        run_id=run["run_id"],
        name=run["name"],
        status=status,
        cells_done=sum(cell["status"] == "done" for cell in cells),
        cells_failed=sum(cell["status"] == "failed" for cell in cells),
        cells_total=len(run["plan"]["cells"]),
        images=sum(len(batch["rows"]) for cell in cells for batch in cell["batches"]),
        started_ms=run["started_ms"],
        seconds=_seconds(run),
        reused=run["reused"],
        made=run["made"],
    )


def _seconds(run: dict[str, Any]) -> float | None:
    if run["finished_ms"] is None:
        return None
    return float(run["finished_ms"] - run["started_ms"]) / 1000

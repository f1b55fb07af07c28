"""What runs there are and how far each is, from records alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.store.records import CellRecord
from harness.store.store import Store, open_store
from harness.store.summaries import RunSummary, summaries

_HEADER = ("run", "status", "cells", "failed", "pictures", "started")


def list_runs(store_path: Path, *, as_json: bool) -> str:
    """The store's runs, oldest first, one line each."""
    found = summaries(open_store(store_path, create=False)) if store_path.exists() else []
    if as_json:
        return _json(found)
    if not found:
        return f"No run in {store_path} yet. `harness run quickstart` makes the first."
    return _columns([_HEADER, *map(_line, found)])


def status_of(store_path: Path, run: str | None, *, as_json: bool) -> str:
    """One run's state (or every run's), with its cells when one is named."""
    if run is None:
        return list_runs(store_path, as_json=as_json)
    store = open_store(store_path, create=False)
    wanted = store.find_run(run)
    found = [summary for summary in summaries(store) if summary.run_id == wanted]
    if as_json:
        return _json(found)
    return "\n".join([_columns([_HEADER, _line(found[0])]), "", _cells(store, wanted)])


def _cells(store: Store, run_id: str) -> str:
    rows = [("cell", "status", "pictures", "timed", "reason")]
    for cell in store.load_cells(run_id):
        pictures = sum(len(batch.rows) for batch in cell.batches)
        lost = [f"{score.metric}: {score.reason}" for score in cell.scores if score.failed]
        reason = cell.failure.reason if cell.failure else "; ".join(lost) or cell.timing_reason or _untimed(cell)
        rows.append((cell.label, cell.status, str(pictures), "yes" if cell.timing else "no", reason))
    return _columns(rows)


def _untimed(cell: CellRecord) -> str:
    return "not timed yet" if cell.status == "done" and cell.timing is None else ""


def _line(summary: RunSummary) -> tuple[str, ...]:
    began = datetime.fromtimestamp(summary.started_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    cells = f"{summary.cells_done}/{summary.cells_total}"
    pace = f", timing {summary.timed_calls}/{summary.calls_to_time}" if summary.calls_to_time else ""
    return summary.run_id, f"{summary.status}{pace}", cells, str(summary.cells_failed), str(summary.images), began


def _json(found: list[RunSummary]) -> str:
    return json.dumps([summary.model_dump(mode="json") for summary in found], indent=2)


def _columns(rows: list[tuple[Any, ...]]) -> str:
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip() for row in rows)

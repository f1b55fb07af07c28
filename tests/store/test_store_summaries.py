"""A run in a line, fast, whatever state its records are in."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest
from support.records import BEGAN, make_run

from harness.store.store import Store
from harness.store.summaries import RunSummary, summaries


def test_a_summary_begins_with_the_run_id_and_counts(store: Store) -> None:
    run_id = make_run(store, cells=4, rows=6, failed={1}, pending={3})
    (found,) = summaries(store)
    assert next(iter(RunSummary.model_fields)) == "run_id"
    assert found.model_dump() == {
        "run_id": run_id,
        "name": "which-scheduler",
        "status": "interrupted",
        "cells_done": 2,
        "cells_failed": 1,
        "cells_total": 4,
        "timed_calls": 0,
        "calls_to_time": 0,
        "images": 12,
        "started_ms": round(BEGAN.timestamp() * 1000),
        "seconds": 50.0,
        "reused": {"prior": 3},
        "made": {"prior": 1, "images": 4, "features": 8, "timing": 4},
        "reason": None,
    }


def test_a_running_record_that_no_process_holds_is_interrupted(store: Store) -> None:
    run_id = make_run(store, status="running")
    assert summaries(store)[0].status == "interrupted"
    with store.lock_run(run_id):
        assert summaries(store)[0].status == "running"
    assert summaries(store)[0].status == "interrupted"


def test_an_unfinished_run_has_no_duration(store: Store) -> None:
    record = store.load_run(make_run(store))
    store.save_run(record.model_copy(update={"finished_ms": None, "status": "running"}))
    assert summaries(store)[0].seconds is None


def test_one_unreadable_record_does_not_hide_the_others(store: Store) -> None:
    newer, damaged, good = (make_run(store, minute=minute) for minute in range(3))
    path = store.root / "runs" / newer / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    next((store.root / "runs" / damaged / "cells").glob("*.json")).write_text("{")
    found = {summary.run_id: summary for summary in summaries(store)}
    assert [found[run_id].status for run_id in (newer, damaged, good)] == ["unreadable", "unreadable", "finished"]
    assert "newer version (schema 99)" in str(found[newer].reason)
    assert found[newer].started_ms == round(BEGAN.timestamp() * 1000)


@pytest.mark.parametrize("content", ["{", '{"schema_version": 1}', "[]"])
def test_a_damaged_record_in_a_renamed_folder_is_listed(store: Store, content: str) -> None:
    folder = store.root / "runs" / make_run(store)
    (folder / "run.json").write_text(content)
    (found,) = summaries(Store(folder.rename(folder.with_name("backup")).parents[1]))
    assert (found.run_id, found.status) == ("backup", "unreadable") and found.started_ms > 0


def test_a_field_that_an_older_version_did_not_write_has_its_default(store: Store) -> None:
    path = store.root / "runs" / make_run(store) / "run.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in written.items() if key not in ("made", "finished_ms")}))
    (found,) = summaries(store)
    assert (found.status, found.made, found.seconds) == ("finished", {}, None)


def test_a_record_being_written_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = make_run(store)
    record = store.load_cells(run_id)[0]
    seen: list[RunSummary] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(summaries(store)))
    store.save_cell(record)
    assert [summary.status for summary in seen] == ["finished"]


def test_a_list_reads_no_whole_plan(store: Store) -> None:
    """Twenty runs of a dozen cells; generous, so that a busy machine does not fail it: alone it takes 30 ms."""
    first = make_run(store, cells=12, rows=64)
    for copy in range(19):
        shutil.copytree(store.root / "runs" / first, store.root / "runs" / f"20261125-000000-copy-{copy:04x}")
    began = time.process_time()
    assert len(summaries(store)) == 20
    assert time.process_time() - began < 0.5

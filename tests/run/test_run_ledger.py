"""Counts that follow from records alone, and records that are on disk when the call returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.plans import make_plan

from harness.run.ledger import Ledger, counted, new_run, pending
from harness.store.records import BatchRef, CellRecord, Failure
from harness.store.store import open_store

PLAN = make_plan(cells=3, rows=8)


def _batch(prior: str, rows: int = 4, *, key: str = "k", made_in: str = "me", prior_made_in: str = "me") -> BatchRef:
    names = [f"r{i}" for i in range(rows)]
    return BatchRef(key=key, rows=names, image_sha256=names, made_in=made_in, made_at="", reused=made_in != "me",
                    prior_key=prior, prior_made_in=prior_made_in)  # fmt: skip


def _cell(place: int, **known: Any) -> CellRecord:
    return pending("me", PLAN.cells[place]).model_copy(update=known)


def test_a_prior_is_made_once_and_taken_by_the_other_cells() -> None:
    one, two = ([_batch("a", key=f"{cell}1"), _batch("b", 3, key=f"{cell}2")] for cell in "xy")
    found = counted("me", [_cell(0, batches=one), _cell(1, batches=two), _cell(2)])
    assert found == {"made": {"images": 14, "prior": 7}, "reused": {"prior": 7}}


def test_what_another_run_made_is_reused_and_its_prior_is_no_use_of_this_run() -> None:
    other = _batch("a", key="x", made_in="other")
    cells = [_cell(0, batches=[other]), _cell(1, batches=[_batch("a", prior_made_in="other")])]
    assert counted("me", cells) == {"made": {"images": 4}, "reused": {"images": 4, "prior": 4}}


def test_a_batch_that_two_cells_have_in_common_was_made_once() -> None:
    shared, own = _batch("a", key="x"), _batch("b", 3, key="y")
    found = counted("me", [_cell(0, batches=[shared]), _cell(1, batches=[shared, own])])
    assert found == {"made": {"images": 7, "prior": 7}, "reused": {"images": 4}}


def test_features_are_counted_by_their_makers() -> None:
    cells = [_cell(0, features_made_in={"scorer": "me", "judge": "other"}), _cell(1, features_made_in={"judge": "me"})]
    assert counted("me", cells) == {"made": {"features": 2}, "reused": {"features": 1}}


def test_every_change_is_on_disk_and_a_run_is_taken_up_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    run = new_run(PLAN, "20261124-101500-x-0000", "x", "harness run")
    store.new_run(run)
    ledger = Ledger.open(store, run)
    first, second, third = (cell.id for cell in PLAN.cells)
    ledger.cell(first, rows=[{"row_id": "a"}], status="done", batches=[_batch("a", made_in=run.run_id)])
    ledger.fail(second, Failure(kind="timeout", reason="late"))
    assert store.load_cell(run.run_id, first).status == "done" and store.image_rows(run.run_id, first) == [
        {"row_id": "a"}
    ]
    failed = store.load_cell(run.run_id, second)
    assert failed.failure and failed.failure.kind == "timeout" and failed.finished_ms
    again = Ledger.open(store, store.load_run(run.run_id))
    assert [again.cells[name].status for name in (first, second, third)] == ["done", "failed", "pending"]
    ended = again.finish()
    assert ended.status == "failed-cells" and ended.finished_ms and store.load_run(run.run_id) == ended
    again.cell(second, status="done", failure=None)
    assert again.finish().status == "finished"


def test_calls_of_the_timing_pass_are_counted_and_written_with_the_next_change(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    run = new_run(PLAN, "20261124-101500-x-0000", "x", "harness run")
    store.new_run(run)
    ledger = Ledger.open(store, run)
    ledger.save(timed_calls=0, calls_to_time=42)
    for calls in (4, 15):
        ledger.timed(calls)
    assert store.load_run(run.run_id).timed_calls == 0  # a call is no reason to write a whole plan
    ledger.save(status="interrupted")
    stopped = store.load_run(run.run_id)
    assert (stopped.timed_calls, stopped.calls_to_time, stopped.status) == (19, 42, "interrupted")

"""What goes is what nobody refers to; a kept run loses nothing."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.records import make_run

from harness.base import digest
from harness.errors import StoreError
from harness.store.check import check
from harness.store.gc import collect
from harness.store.references import references_by_run
from harness.store.store import Store, open_store

DAY = 86_400.0


def _age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def _stray(store: Store, text: str, stage: str = "images") -> str:
    key = digest(text)
    store.put(stage, key, text.encode())
    return key


def test_unreferenced_results_go_and_referenced_ones_stay(store: Store) -> None:
    make_run(store, cells=3, rows=6, failed={1})
    key = _stray(store, "stray")
    found = collect(store)
    assert (found.files, store.has("images", key)) == (1, False)
    assert check(store).good
    assert str(found).startswith("freed ")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kept=st.sets(st.integers(0, 2)),
    shared=st.lists(st.booleans(), min_size=3, max_size=3),
    strays=st.lists(st.sampled_from(["prior", "images", "features", "timing"]), max_size=3),
)
def test_a_kept_run_never_loses_a_result(
    tmp_path_factory: pytest.TempPathFactory, kept: set[int], shared: list[bool], strays: list[str]
) -> None:
    store = open_store(tmp_path_factory.mktemp("gc"))
    runs = [make_run(store, minute=minute, shared_pictures=share) for minute, share in enumerate(shared)]
    for place, stage in enumerate(strays):
        _stray(store, f"{stage} {place}", stage)
    wanted = {found for place in kept for found in references_by_run(store)[runs[place]]}
    collect(store, keep_runs=[runs[place] for place in kept])
    left = {
        (stage, path.name) for stage in ("prior", "images", "features", "timing") for path in store.blobs.all(stage)
    }
    assert left == wanted
    assert store.run_ids() == runs, "records are never removed"


def test_a_dry_run_touches_nothing_and_counts_the_same(store: Store) -> None:
    make_run(store)
    key = _stray(store, "stray")
    before = collect(store, dry_run=True)
    assert store.has("images", key)
    after = collect(store)
    assert (before.files, before.bytes, before.kept_files) == (after.files, after.bytes, after.kept_files)
    assert "would free" in str(before)


def test_young_results_are_spared(store: Store) -> None:
    old, young = _stray(store, "old"), _stray(store, "young")
    _age(store.path("images", old), 3 * DAY)
    found = collect(store, older_than_days=2)
    assert (store.has("images", old), store.has("images", young)) == (False, True)
    assert (found.files, found.kept_files) == (1, 1)


def test_small_stages_that_belong_to_no_run_stay(store: Store) -> None:
    keys = {stage: _stray(store, stage, stage) for stage in ("probe", "digest", "statistics")}
    assert collect(store).files == 0
    assert all(store.has(stage, key) for stage, key in keys.items())


def test_leftovers_of_dead_writers_go_and_those_of_live_ones_stay(store: Store) -> None:
    run_id = make_run(store)
    dead = store.root / "runs" / run_id / "cells" / ".part-00"
    live = store.path("images", "a" * 64).parent / ".part-11"
    live.parent.mkdir(parents=True, exist_ok=True)
    for path in (dead, live):
        path.write_bytes(b"half")
    _age(dead, 2 * 3600)
    assert collect(store).files == 1
    assert (dead.exists(), live.exists()) == (False, True)


def test_results_that_were_put_aside_go(store: Store) -> None:
    key = _stray(store, "damaged")
    store.path("images", key).write_bytes(b"garbage")
    assert not store.has("images", key)
    assert collect(store).files == 1
    assert list(store.blobs.damaged()) == []


def test_what_an_unfinished_run_may_have_made_is_spared(store: Store) -> None:
    run_id = make_run(store, pending={1})
    record = store.load_run(run_id)
    store.save_run(record.model_copy(update={"started_ms": round((time.time() - DAY) * 1000)}))
    before, since = _stray(store, "before the run"), _stray(store, "of the cell that was cut off")
    _age(store.path("images", before), 2 * DAY)
    found = collect(store)
    assert (store.has("images", before), store.has("images", since)) == (False, True)
    assert found.spared_for == (run_id,)
    assert f"{run_id} is unfinished" in str(found)
    collect(store, keep_runs=[])
    assert not store.has("images", since)


def test_nothing_goes_while_a_record_cannot_be_read(store: Store) -> None:
    run_id = make_run(store)
    path = next((store.root / "runs" / run_id / "cells").glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    key = _stray(store, "stray")
    with pytest.raises(StoreError, match="newer version"):
        collect(store)
    assert store.has("images", key)

"""One process for each run, and no garbage collected below a run's feet."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.processes import unmeasured
from support.records import make_run

from harness.errors import ExitCode, StoreError
from harness.store.gc import collect
from harness.store.store import Store

HOLD = """
import sys
from pathlib import Path
from harness.store.store import open_store
with open_store(Path(sys.argv[1])).lock_run(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(store: Store, run_id: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the run."""
    command = [sys.executable, "-c", HOLD, str(store.root), run_id]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=unmeasured()) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_second_process_is_told_which_one_makes_the_run(store: Store) -> None:
    run_id = make_run(store)
    with held_elsewhere(store, run_id) as holder:
        assert store.is_locked(run_id)
        with (
            pytest.raises(StoreError, match=f"is being made by process {holder.pid}") as caught,
            store.lock_run(run_id),
        ):
            pass
        assert caught.value.exit_code == ExitCode.STORE
        assert "--name" in caught.value.do


def test_a_killed_process_holds_nothing(store: Store) -> None:
    run_id = make_run(store)
    with held_elsewhere(store, run_id) as holder:
        holder.kill()
        holder.wait()
        assert not store.is_locked(run_id)
        with store.lock_run(run_id):
            assert store.is_locked(run_id)
            assert (store.root / "runs" / run_id / "lock").read_text() == str(os.getpid())
    assert not store.is_locked(run_id)


def test_two_runs_go_on_side_by_side(store: Store) -> None:
    with store.lock_run(make_run(store)), store.lock_run(make_run(store, minute=1)):
        pass


def test_a_glance_at_the_lock_does_not_stop_a_run(store: Store) -> None:
    run_id = make_run(store)
    with store.lock_run(run_id):
        pass
    with (store.root / "runs" / run_id / "lock").open() as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(glance, fcntl.LOCK_UN)).start()
        with store.lock_run(run_id):
            assert store.is_locked(run_id)


def test_no_garbage_is_collected_while_a_run_is_made(store: Store) -> None:
    run_id = make_run(store)
    store.put("images", "a" * 64, b"just made, and in no record yet")
    with held_elsewhere(store, run_id):
        with pytest.raises(StoreError, match=f"in use: run {run_id} is being made"):
            collect(store)
        assert collect(store, dry_run=True).files == 1
    assert store.has("images", "a" * 64)


def test_a_run_waits_until_garbage_is_collected(store: Store) -> None:
    run_id, order = make_run(store), []
    collecting, release = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock_all():
            collecting.set()
            release.wait(10)
            order.append("collected")

    holder = threading.Thread(target=hold)
    holder.start()
    assert collecting.wait(10)
    threading.Timer(0.3, release.set).start()
    with store.lock_run(run_id):
        order.append("running")
    holder.join()
    assert order == ["collected", "running"]


def test_a_lock_that_cannot_be_made_is_a_store_error(store: Store) -> None:
    (store.root / "lock").mkdir()
    with pytest.raises(StoreError, match="could not write lock"), store.lock_all():
        pass

"""A worker that dies, babbles, hangs or never answers leaves nobody waiting: every request gets a reply.

The workers are shell scripts in place of Python: the pipes, the processes and the signals are real.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.run.executor import LocalWorker, call, wait
from harness.run.protocol import Bye, Hello
from harness.run.worker_failures import IN_THE_LOG

HELLO = Hello(store="nowhere", device="cpu", threads=3)
Start = Callable[[str], "contextmanager[LocalWorker]"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Starts a worker that is a shell script."""

    @contextmanager
    def of(script: str) -> Iterator[LocalWorker]:
        path = tmp_path / "worker.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(path))
            worker = LocalWorker(tmp_path / "logs" / "worker.log", threads=3)
        try:
            yield worker
        finally:
            worker.close()

    return of


def test_replies_find_their_requests_in_any_order(start: Start) -> None:
    script = """read one; read two; echo '{"id": 2, "answer": {"second": 2}}'; echo '{"id": 1, "answer": {"first": 1}}'
    read bye"""
    with start(script) as worker:
        first, second = worker.submit(HELLO), worker.submit(HELLO)
        assert wait(worker, first, None).answer == {"first": 1}
        assert wait(worker, second, None).answer == {"second": 2}


def test_the_environment_pins_threads_and_the_log_has_its_errors(start: Start, tmp_path: Path) -> None:
    script = """echo "threads $OMP_NUM_THREADS $MKL_NUM_THREADS, $1 $2" >&2; read one; exit 3"""
    with start(script) as worker:
        failure = call(worker, HELLO).failure
    assert failure and failure.kind == "worker-died" and "status 3" in failure.reason
    assert "threads 3 3, -m harness.run.worker" in failure.reason
    assert str(tmp_path / "logs" / "worker.log") in failure.do


def test_a_failure_whose_story_is_in_the_log_says_which(start: Start, tmp_path: Path) -> None:
    told = {"id": 1, "failure": {"kind": "error", "reason": "boom", "do": IN_THE_LOG}}
    with start(f"read one; echo '{json.dumps(told)}'; read bye".replace("worker's", "worker'\\''s")) as worker:
        failure = call(worker, HELLO).failure
    assert failure and failure.reason == "boom" and failure.do.endswith(str(tmp_path / "logs" / "worker.log"))


def test_the_status_of_a_worker_that_is_still_leaving_is_waited_for(start: Start, tmp_path: Path) -> None:
    """It has closed its end of the pipe, and has yet to end."""
    script = f"exec <&-; echo > {tmp_path}/closed; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; exit 3"
    with start(script) as worker:
        while not (tmp_path / "closed").exists():
            assert worker.alive()
        failure = call(worker, HELLO, timeout_s=60).failure
    assert failure and failure.kind == "worker-died" and "status 3" in failure.reason


def test_a_worker_that_is_killed_from_outside_is_told_as_such(start: Start) -> None:
    with start("read one; kill -9 $$") as worker:
        failure = call(worker, HELLO).failure
        assert failure and failure.kind == "worker-died" and "out-of-memory killer" in failure.reason
        assert not worker.alive()
        later = call(worker, HELLO).failure
        assert later and later.kind == "worker-died"


@pytest.mark.parametrize(
    "reply", ["""'{"id": 1, "ans'""", "'what a library printed\\n'", """'{"id": 1, "other": 2}\\n'"""]
)
def test_half_a_reply_and_none_of_ours_are_a_death(start: Start, reply: str) -> None:
    """The first is what a worker leaves that dies while it writes."""
    with start(f"read one; printf {reply}") as worker:
        failure = call(worker, HELLO, timeout_s=60).failure
    assert failure and failure.kind == "worker-died"


def test_a_worker_that_babbles_and_lives_is_ended(start: Start) -> None:
    with start("read one; echo babble; read two; read three") as worker:
        failure = call(worker, HELLO, timeout_s=60).failure
        assert failure and failure.kind == "worker-died" and not worker.alive()


def test_past_its_time_a_worker_is_stopped_with_all_that_it_had_started(start: Start, tmp_path: Path) -> None:
    child = tmp_path / "child"
    with start(f"cat <&0 >/dev/null & echo $! > {child}; exec tail -f /dev/null") as worker:
        while not (child.exists() and child.read_text().strip()):
            assert worker.alive()
        waiting = worker.submit(HELLO)
        failure = call(worker, HELLO, timeout_s=0.05).failure
        assert failure and failure.kind == "timeout" and "cell_timeout" in failure.do and not worker.alive()
        other = waiting.result().failure
        assert other and other.kind == "worker-died"
        assert (
            not Path(f"/proc/{child.read_text().strip()}/stat").exists()
            or "Z" in Path(f"/proc/{child.read_text().strip()}/stat").read_text().split()
        )


def test_a_worker_leaves_when_it_is_told_to(start: Start, tmp_path: Path) -> None:
    with start(f'read one; echo "$one" > {tmp_path}/said; exit 0') as worker:
        worker.close()
        assert (tmp_path / "said").read_text().strip() == '{"id":1,"request":{"op":"bye"}}'
        assert not worker.alive() and call(worker, Bye()).failure

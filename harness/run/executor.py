"""Worker processes behind one small interface: ask, wait, kill. The local half of "beyond one machine"."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Protocol

from pydantic import ValidationError

from harness.run.guest import Guest
from harness.run.protocol import Bye, Envelope, Hello, Reply, Request
from harness.run.worker_failures import IN_THE_LOG
from harness.store.records import Failure

_LOG_TAIL_LINES = 5
_LEAVING_S = 5.0
_WORKER = "harness.run.worker"


class Worker(Protocol):
    """What the passes need of a worker, local or remote."""

    pid: int | None

    def submit(self, request: Request) -> Future[Reply]:
        """Queue a request; the future always gets a reply, a worker's death included."""
        ...

    def alive(self) -> bool:
        """Whether it can still answer."""
        ...

    def kill(self) -> None:
        """End it now; what it was doing is lost, what it had stored is not."""
        ...

    def close(self) -> None:
        """Let it leave by itself, then make sure that it has."""
        ...


def call(worker: Worker, request: Request, timeout_s: float | None = None) -> Reply:
    """One request and its reply; past ``timeout_s`` the worker is killed and the reply is a timeout failure."""
    return wait(worker, worker.submit(request), timeout_s)


def wait(worker: Worker, future: Future[Reply], timeout_s: float | None) -> Reply:
    """The reply of a queued request, with ``call``'s rule for time."""
    try:
        return future.result(timeout_s)
    except TimeoutError:
        worker.kill()
        return Reply(id=-1, failure=timeout_failure(timeout_s or 0.0))


def timeout_failure(limit_s: float) -> Failure:
    """The failure of a cell that ran out of its time."""
    return Failure(
        kind="timeout",
        reason=f"no result within the cell's remaining {limit_s:.0f} s; its worker was stopped",
        do="raise `cell_timeout` in the spec, or give the cell fewer steps or a smaller size",
    )


class LocalWorker:
    """A worker process on this machine, spoken to over a pair of pipes; its standard error goes to ``log_path``.

    ``guest``: the Python that it runs in, if not ours.
    """

    def __init__(self, log_path: Path, threads: int, guest: Guest | None = None) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_path = log_path
        self._log = log_path.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", _WORKER] if guest is None else guest.command(_WORKER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_worker_environment(threads, guest),
            start_new_session=True,  # a Ctrl-C at the terminal is the parent's to answer
        )
        self.pid: int | None = self._process.pid
        self._lock = threading.Lock()
        self._pending: dict[int, Future[Reply]] = {}
        self._next_id = 0
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def submit(self, request: Request) -> Future[Reply]:
        """Queue a request; a worker that is gone answers at once with its failure."""
        future: Future[Reply] = Future()
        with self._lock:
            self._next_id += 1
            ident = self._next_id
            self._pending[ident] = future
        line = Envelope(id=ident, request=request).model_dump_json() + "\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError, OSError):
            self._fail_pending()
        if not self._reader.is_alive():
            self._fail_pending()
        return future

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._finish()

    def close(self) -> None:
        """Say goodbye, give it two seconds, then end it."""
        if self.alive():
            self.submit(Bye())
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2.0)
        self.kill()

    def _finish(self) -> None:
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._log.close()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            try:
                reply = Reply.model_validate_json(line)
            except ValidationError:  # half a line, of a worker that died while it wrote, or no reply at all
                self._process.kill()
                break
            with self._lock:
                future = self._pending.pop(reply.id, None)
            if future is not None:
                future.set_result(self._with_log(reply))
        self._process.wait()
        self._fail_pending()

    def _with_log(self, reply: Reply) -> Reply:
        """The answer, a failure's advice with the log's place in it."""
        if reply.failure is None or reply.failure.do != IN_THE_LOG:
            return reply
        do = f"the whole story is in {self._log_path}"
        return reply.model_copy(update={"failure": reply.failure.model_copy(update={"do": do})})

    def _fail_pending(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for ident, future in pending.items():
            future.set_result(Reply(id=ident, failure=self._death()))

    def _death(self) -> Failure:
        code = self._end()
        tail = _tail(self._log_path)
        if code == -signal.SIGKILL:
            return Failure(
                kind="worker-died",
                reason="the worker process was killed from outside; on a machine short of memory that is the system's "
                "out-of-memory killer" + tail,
                do="use a smaller batch, size or dtype, or free memory; the same command tries the cell again",
            )
        return Failure(
            kind="worker-died",
            reason=f"the worker process ended unexpectedly (status {code})" + tail,
            do=f"the whole story is in {self._log_path}; the same command tries the cell again",
        )

    def _end(self) -> int:
        """Its status. A worker that has closed a pipe is leaving; one that is not by then is ended."""
        try:
            return self._process.wait(_LEAVING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _tail(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return "; its last words: " + " / ".join(lines[-_LOG_TAIL_LINES:])[-500:] if lines else ""


def _worker_environment(threads: int, guest: Guest | None) -> dict[str, str]:
    """This process's environment, threads pinned before any library reads them, and telemetry off."""
    pins = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1"}
    known = dict(os.environ) if guest is None else guest.environment(os.environ)
    return {**known, **pins, **quiet}


@contextlib.contextmanager
def local_worker(log_path: Path, hello: Hello) -> Iterator[tuple[LocalWorker, Reply]]:
    """A greeted worker for the length of a block, and its answer to the greeting."""
    worker = LocalWorker(log_path, hello.threads)
    try:
        yield worker, call(worker, hello)
    finally:
        worker.close()

"""A device with at most one worker on it: started when needed, loaded once for a group, replaced when it dies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.catalog.types import ModelRow
from harness.errors import HarnessError
from harness.plan.types import LoadGroup
from harness.run.executor import LocalWorker, Worker, call
from harness.run.guest import Guest
from harness.run.protocol import Hello, HelloDone, Load, LoadDone, Reply
from harness.store.records import Failure

Uses = Literal["pipelines", "scorers"]


@dataclass(frozen=True)
class Post:
    """Where a station's worker runs."""

    device: str  # "cpu", "cuda:0", "mps"
    threads: int
    store_root: Path
    log_path: Path
    guest: Guest | None = None  # the Python that it runs in, if not ours

    def hello(self, uses: Uses = "pipelines") -> Hello:
        """The greeting that sets a worker up; without pipelines it starts in a fraction of the time."""
        return Hello(store=str(self.store_root), device=self.device, threads=self.threads, uses=uses)


class Station:
    """Keeps a worker alive and remembers what it has loaded and what it could not load."""

    def __init__(self, post: Post, uses: Uses = "pipelines") -> None:
        self.post, self._uses = post, uses
        self.greeting: HelloDone | None = None
        self._worker: Worker | None = None
        self._loaded: str | None = None
        self._refused: dict[str, Failure] = {}

    def worker(self) -> Worker:
        """A greeted worker; ``HarnessError`` if none can be had."""
        if self._worker is None or not self._worker.alive():
            self.stop()
            self._worker = LocalWorker(self.post.log_path, self.post.threads, self.post.guest)
            reply = call(self._worker, self.post.hello(self._uses))
            if reply.failure is not None:
                self.stop()
                raise_if_disk(reply)
                raise HarnessError(
                    f"No worker can be started on {self.post.device}: {reply.failure.reason}", do=reply.failure.do
                )
            self.greeting = HelloDone.model_validate(reply.answer)
        return self._worker

    def load(
        self, group: LoadGroup, model: ModelRow, timeout_s: float | None = None, *, cold: bool = False
    ) -> LoadDone | Failure | None:
        """Make the group's pipelines the loaded ones; ``None`` if they already are.

        What could not be loaded once is not tried again for each of the group's cells. ``cold``: nothing that was
        compiled before is used.
        """
        if group.id in self._refused:
            return self._refused[group.id]
        worker = self.worker()
        if self._loaded == group.id:
            return None
        reply = call(worker, Load(group=group, model=model, cold=cold), timeout_s)
        if reply.failure is not None:
            self._loaded = None
            if reply.failure.kind in ("missing", "error"):
                self._refused[group.id] = reply.failure
            return reply.failure
        self._loaded = group.id
        return LoadDone.model_validate(reply.answer)

    def stop(self) -> None:
        """End the worker; the next request starts another."""
        if self._worker is not None:
            self._worker.close()
        self._worker, self._loaded = None, None


def raise_if_disk(reply: Reply) -> None:
    """A full or broken disk is no cell's fault: it ends the run."""
    from harness.errors import StoreError

    if reply.failure is not None and reply.failure.kind == "disk":
        raise StoreError(reply.failure.reason, do=reply.failure.do)

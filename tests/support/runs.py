"""Runs as tests make them: a spec, a store, and the main job without its copies."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.processes import unmeasured

from harness.catalog.world import split
from harness.run.forecast import plan_spec
from harness.run.whole import WholeRun, make_records
from harness.store.records import CellRecord, RunRecord
from harness.store.store import Store, open_store

CAPTIONS = [scene.caption() for scene in split()[1][:6]]
PYTHON = sys.executable  # tests put a fake's in its place
OF_ITS_TIME = {
    "run_id", "made_in", "made_at", "prior_made_in", "features_made_in", "started_ms", "finished_ms", "seconds",
    "measured_in", "measured_at", "environment", "resumed",
}  # fmt: skip


class Told:
    """A reporter that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done: dict[str, tuple[int, int]] = {}  # stage -> (steps done, of all)

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """Remember it."""
        self.done[stage] = (done, total)

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """Count."""
        done, total = self.done[stage]
        self.done[stage] = (done + steps, total)

    def say(self, text: str) -> None:
        """Remember it."""
        self.said.append(text)


@dataclass
class Lab:
    """A folder with a spec and a store."""

    folder: Path
    model: Path
    told: Told = field(default_factory=Told)

    @property
    def store(self) -> Store:
        """Its store."""
        return open_store(self.folder / "runs")

    def spec(self, **keys: Any) -> Path:
        """Write the spec: six captions in batches of four, timing off, with changes; ``None`` leaves a key out."""
        known: dict[str, Any] = {
            "name": "lab", "model": str(self.model), "prompts": CAPTIONS, "batch_size": 4, "threads": 1,
            "device": "cpu", "metrics": ["clip_score", "world_truth"], "timing": "off", **keys,
        }  # fmt: skip
        path = self.folder / "spec.yaml"
        path.write_text(json.dumps({key: value for key, value in known.items() if value is not None}))
        return path

    def run(
        self,
        *,
        only: dict[str, Sequence[str]] | None = None,
        limit: int | None = None,
        rounds: int | None = None,
        **asked: Any,
    ) -> RunRecord:
        """Plan the spec that was written last and make its records; ``rounds``: fewer visits than a spec may have."""
        path, store = str(self.folder / "spec.yaml"), self.store
        plan = plan_spec(path, only=only or {}, limit=limit, device=None, store_path=store.root)
        if rounds is not None:
            plan = plan.model_copy(update={"timing": plan.timing.model_copy(update={"rounds": rounds})})
        request = WholeRun(plan=plan, store_path=store.root, command="harness run", **asked)
        return make_records(store, request, self.told)[0]

    def cells(self, run: RunRecord) -> dict[str, CellRecord]:
        """Its cells' records by their labels."""
        return {cell.label: cell for cell in self.store.load_cells(run.run_id)}

    def pictures(self, run: RunRecord) -> dict[str, list[str]]:
        """The digests of its pictures by their cells' labels."""
        return {label: [s for b in cell.batches for s in b.image_sha256] for label, cell in self.cells(run).items()}


def timeless(value: Any) -> Any:
    """A record as JSON without times and ids: what two runs of one meaning must have in common."""
    if isinstance(value, dict):
        return {key: timeless(v) for key, v in value.items() if key not in OF_ITS_TIME}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def whole_record(store: Store, run_id: str) -> dict[str, Any]:
    """Everything that a run's records say, rows included, without times and ids."""
    run, cells = store.load_run(run_id), store.load_cells(run_id)
    told = run.model_dump(mode="json", include={"name", "status", "made", "reused", "environment_digest"})
    rows = {cell.cell_id: store.image_rows(run_id, cell.cell_id) for cell in cells}
    return timeless({**told, "cells": [cell.model_dump(mode="json") for cell in cells], "rows": rows})


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is filled once for all of pytest-xdist's processes: what fills it takes seconds."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            make(folder)
            (folder / "whole").touch()
    return folder


_DRIVER = """
import os, resource, sys
executable, number, field, bytes_ = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
sys.executable = executable
from harness.cli import run
from harness.store.store import Store
if bytes_:
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
save = Store.save_cell
def save_cell(store, record, rows=None):
    save(store, record, rows)
    if getattr(record, field, None):
        os.kill(os.getpid(), number)
if number:
    Store.save_cell = save_cell
code = run(sys.argv[5:])
print("torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def command(
    *arguments: str | Path, executable: str = PYTHON, signal: int = 0, field: str = "", bytes_: int = 0
) -> subprocess.CompletedProcess[str]:
    """``harness`` with these arguments in a process of its own; the last line that it says: whether it had torch.

    Args:
        arguments: of the command line.
        executable: of its workers.
        signal: it sends itself this one as soon as a cell's record has a ``field``.
        field: of ``CellRecord``.
        bytes_: the most that a file may hold, as on a full disk.
    """
    words = [PYTHON, "-c", _DRIVER, executable, str(int(signal)), field, str(bytes_), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=unmeasured())

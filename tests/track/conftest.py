"""Stores with an MLflow database of their own; making its tables takes seconds and happens once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.records import make_run
from support.tracked import Tracked

from harness.store.store import Store, open_store
from harness.track.destination import DATABASE


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


FIRST_SENDING = """
import shutil, sys
from pathlib import Path
from harness.store.store import open_store
from harness.track.quiet import quiet
from harness.track.tracking import track_run
root, run_id, database = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
with quiet():
    from mlflow import MlflowClient
    MlflowClient(f"sqlite:///{database}")
shutil.copyfile(database, root / "mlflow.db")
track_run(open_store(root), run_id, tracking_uri=None, experiment=None)
from mlflow.telemetry import get_telemetry_client
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled() and get_telemetry_client() is None
assert "torch" not in sys.modules
"""


@dataclass(frozen=True)
class FirstSending:
    """A process that had no database yet: what it said, where it ran, and the database, still without runs."""

    process: subprocess.CompletedProcess[str]
    folder: Path
    empty_database: Path


@pytest.fixture(scope="session")
def first_sending(tmp_path_factory: pytest.TempPathFactory) -> FirstSending:
    """What happens to a person who tracks for the first time, in an environment that says nothing of tracking."""
    folder = tmp_path_factory.mktemp("first")
    store = open_store(folder / "runs")
    command = [sys.executable, "-c", FIRST_SENDING, str(store.root), make_run(store), str(folder / DATABASE)]
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    process = subprocess.run(command, capture_output=True, text=True, env=bare, cwd=folder, check=False)
    return FirstSending(process, folder, folder / DATABASE)


@pytest.fixture(scope="session")
def empty_database(first_sending: FirstSending) -> Path:
    """An MLflow database without runs."""
    return first_sending.empty_database


@pytest.fixture
def new_store(tmp_path: Path, empty_database: Path) -> Callable[[str], Store]:
    """Makes stores with an empty database each."""

    def make(name: str) -> Store:
        store = open_store(tmp_path / name)
        shutil.copyfile(empty_database, store.root / DATABASE)
        return store

    return make


@pytest.fixture
def store(new_store: Callable[[str], Store]) -> Store:
    """A store with an empty database."""
    return new_store("runs")


@pytest.fixture
def found() -> Callable[[Store], Tracked]:
    """Reads a store's own database."""
    return lambda store: Tracked(f"sqlite:///{store.root / DATABASE}")

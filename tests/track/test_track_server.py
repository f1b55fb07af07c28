"""The same through a real tracking server on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.records import make_run
from support.tracked import Tracked

from harness.store.store import Store
from harness.track.tracking import track_run

NAME = "which-scheduler"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def server(tmp_path: Path, empty_database: Path) -> Iterator[str]:
    """A server's address; it has an empty database and keeps artifacts itself."""
    folder = tmp_path / "server"
    folder.mkdir()
    database = folder / "server.db"
    database.write_bytes(empty_database.read_bytes())
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "artifacts")]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=quiet, stdout=log, stderr=log, start_new_session=True)
        try:
            address, until = f"http://127.0.0.1:{port}", time.monotonic() + 90
            while not _answers(address):
                assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)


@pytest.mark.slow
def test_a_server_gets_what_the_stores_own_database_gets(
    store: Store, server: str, found: Callable[[Store], Tracked]
) -> None:
    run_id = make_run(store, cells=3, failed={2})
    secret = server.replace("://", "://anna:geheim@")
    first = track_run(store, run_id, tracking_uri=secret, experiment=None)
    track_run(store, run_id, tracking_uri=None, experiment=None)
    there = Tracked(server)
    assert there.all(NAME) == found(store).all(NAME)
    assert track_run(store, run_id, tracking_uri=server, experiment=None) == first
    assert there.all(NAME) == found(store).all(NAME)
    assert first.tracking_uri == server
    assert first.page == f"{server}/#/experiments/{first.experiment_id}/runs/{first.parent_run_id}"
    assert "geheim" not in str(first)

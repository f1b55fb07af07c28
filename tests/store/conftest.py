"""A store of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.store.store import Store, open_store


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing matters when the power fails, which no test can arrange; on a busy disk it takes seconds."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(tmp_path / "runs")

"""A store of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(tmp_path / "runs")

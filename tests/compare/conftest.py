"""A store, and a way to keep two runs in it and compare them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import keep

from harness.compare.compare import compare
from harness.compare.types import Compared, Finding
from harness.report.view import load_view
from harness.store.store import Store, open_store

Compares = Callable[..., Compared]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of the test's own."""
    return open_store(tmp_path / "runs")


@pytest.fixture
def compared(store: Store) -> Compares:
    """Compares a usual baseline with a run; ``old``: what the baseline is made of, else the run."""

    def found(*, old: dict[str, Any] | None = None, late: dict[str, Any] | None = None, **new: Any) -> Compared:
        ids = [keep(store, "baseline", **(old or {})), keep(store, "run", **{"anew": True, **new})]
        baseline, run = (load_view(store, run_id) for run_id in ids)
        return compare(baseline, run, places=("baseline", "run"), late=late)[0]

    return found


@pytest.fixture
def only() -> Callable[..., Finding]:
    """The one finding of a metric in a cell."""

    def found(told: Compared, metric: str, cell: int = 0) -> Finding:
        (finding,) = (one for one in told.cells[cell].findings if one.metric == metric)
        return finding

    return found

"""MLflow and the report, in that order; whatever goes wrong with the one, the other is made, and mended later."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.records import make_run
from support.runs import Told

from harness.run.copies import page_of, report_again, track_and_go_on, track_later
from harness.store.store import Store, open_store
from harness.track import tracking
from harness.track.tracking import TrackError

SENT = {"tracking_uri": "sqlite:///x.db", "experiment": "e", "parent_run_id": "4f2a", "page": None}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a run."""
    found = open_store(tmp_path / "runs")
    make_run(found)
    return found


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending succeeds at once, and leaves what it leaves."""

    def send(store: Store, run_id: str, **_: Any) -> str:
        store.tracking_path(run_id).write_text(json.dumps(SENT))
        return "sent"

    monkeypatch.setattr(tracking, "track_run", send)


def test_the_page_is_written_again_when_the_run_was_sent_later(store: Store, sends: None) -> None:
    (run_id,) = store.run_ids()
    page = report_again(store, store.load_run(run_id), None, Told())
    assert page == page_of(store, run_id) and "4f2a" not in page.read_text()
    said = track_later(store, run_id, tracking_uri=None, experiment=None)
    assert "4f2a" in page.read_text() and said.splitlines() == ["sent", f"{page} names it."]


def test_a_run_without_a_page_is_sent_and_no_more(store: Store, sends: None) -> None:
    (run_id,) = store.run_ids()
    assert track_later(store, run_id, tracking_uri=None, experiment=None) == "sent"
    assert not page_of(store, run_id).exists()


def test_a_page_elsewhere_is_old_once_the_run_was_sent(store: Store, sends: None, tmp_path: Path) -> None:
    (run_id,) = store.run_ids()
    record, told = store.load_run(run_id), Told()
    page = report_again(store, record, tmp_path / "elsewhere", told)
    finished = (record.finished_ms or 0) / 1000
    os.utime(page, (finished + 1, finished + 1))
    report_again(store, record, tmp_path / "elsewhere", told)
    assert told.said == ["writing the report"], "it was not written twice"
    track_later(store, run_id, tracking_uri=None, experiment=None)
    os.utime(store.tracking_path(run_id), (finished + 2, finished + 2))
    report_again(store, record, tmp_path / "elsewhere", told)
    assert len(told.said) == 2 and "4f2a" in page.read_text()


@pytest.mark.parametrize("error", [TrackError("no server"), RuntimeError("deep inside"), KeyError("alembic")])
def test_whatever_tracking_raises_is_said(store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(tracking, "track_run", fail)
    told = Told()
    (run_id,) = store.run_ids()
    track_and_go_on(store, run_id, None, told)
    (said,) = told.said
    assert said.startswith("Not tracked, and nothing is lost.") and f"`harness track {run_id}`" in said
    for log in (word for word in said.split() if word.endswith(".log,")):
        Path(log.rstrip(",")).unlink()

"""The copies of a run's records: MLflow first, then the report, which names the MLflow run. Neither loses a record."""

from __future__ import annotations

from pathlib import Path

from harness.errors import explained
from harness.run.progress import Reporter
from harness.store.records import RunRecord
from harness.store.store import Store


def track_and_go_on(store: Store, run_id: str, tracking_uri: str | None, tell: Reporter) -> None:
    """Send the run to MLflow; whatever goes wrong is said, and mended later with `harness track`."""
    from harness.track.tracking import track_run

    try:
        tell.say(str(track_run(store, run_id, tracking_uri=tracking_uri, experiment=None)))
    except Exception as error:  # a copy that fails, however it does, must not cost the report
        tell.say(f"Not tracked, and nothing is lost.\n{explained(error)}\n`harness track {run_id}` sends it later.")


def track_later(store: Store, run_id: str, *, tracking_uri: str | None, experiment: str | None) -> str:
    """Send a run to MLflow, and write its page again with the place where it is now.

    Raises:
        TrackError: MLflow or its server refused, or cannot be reached.
    """
    from harness.report.write import write_report
    from harness.track.tracking import track_run

    sent = track_run(store, run_id, tracking_uri=tracking_uri, experiment=experiment)
    page = page_of(store, run_id)
    if not page.is_file():
        return str(sent)
    write_report(store, run_id, page.parent)
    return f"{sent}\n{page} names it."


def report_again(store: Store, record: RunRecord, folder: Path | None, tell: Reporter) -> Path:
    """The run's page, written unless it is newer than the run's end and than its sending to MLflow."""
    from harness.report.write import write_report

    page = page_of(store, record.run_id, folder)
    if _is_stale(store, record, page):
        tell.say("writing the report")
        write_report(store, record.run_id, page.parent)
    return page


def page_of(store: Store, run_id: str, folder: Path | None = None) -> Path:
    """Where a run's page lies, there or not; ``folder`` instead of the store's own."""
    from harness.report.write import PAGE

    return (folder or store.root / "reports" / run_id) / PAGE


def _is_stale(store: Store, record: RunRecord, page: Path) -> bool:
    if not page.exists() or record.finished_ms is None:
        return True
    written, sent = page.stat().st_mtime, store.tracking_path(record.run_id)
    return written * 1000 < record.finished_ms or (sent.is_file() and written < sent.stat().st_mtime)

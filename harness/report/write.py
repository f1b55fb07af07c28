"""Records → a folder that answers the run's question: a page, Markdown, CSV, JSON and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.report.view import load_view
from harness.store.store import Store

PAGE = "report.html"


@dataclass(frozen=True)
class ReportFiles:
    """Where the report lies. What a run has nothing for is ``None``, and ``html`` in a compact report."""

    folder: Path
    html: Path | None
    markdown: Path
    csv: Path
    json: Path
    summary: Path
    pictures: Path | None
    chart: Path | None
    png: Path | None


def write_report(
    store: Store, run_id: str, out: Path, *, png: Path | None = None, compact: bool = False
) -> ReportFiles:
    """Write a run's report into ``out``, over an earlier one.

    Args:
        store: where the records lie.
        run_id: the run.
        out: the report's folder; made if absent.
        png: write the summary picture there too.
        compact: leave out the page and keep pictures small: a folder to commit (at most 1 MB).

    Raises:
        HarnessError: a record cannot be read, or the folder cannot be written.
    """
    from harness.report.assemble import assemble  # altair and pandas: only when a report is made

    files = assemble(load_view(store, run_id), compact=compact)
    lies = {name: _put(out / name, content) for name, content in files.items()}
    return ReportFiles(
        folder=out,
        html=lies.get(PAGE),
        markdown=lies["report.md"],
        csv=lies["table.csv"],
        json=lies["results.json"],
        summary=lies["summary.png"],
        pictures=lies.get("pictures.png"),
        chart=lies.get("quality-latency.png"),
        png=_put(png, files["summary.png"]) if png else None,
    )


def _put(target: Path, content: bytes) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"The report cannot be written to {target}: {error.strerror}.",
            expected="a folder that can be written and a disk with room",
            do="Name another folder with --out, or make room; the run's records are safe.",
        ) from error
    return target

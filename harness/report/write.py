"""Records → a folder that answers the run's question: a page, Markdown, CSV, JSON and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError, UsageError
from harness.report.kinds import GENERAL, KINDS, OPTIMIZATIONS, REGRESSION, SCHEDULERS
from harness.report.view import RunView, load_view
from harness.store.store import Store

PAGE = "report.html"
_CHARTS = ("quality-latency.png", "quality-cost.png")


@dataclass(frozen=True)
class ReportFiles:
    """Where the report lies. What a run has nothing for is ``None``, and ``html`` in a compact report.

    ``png``: the pictures written besides, one for each model that has its own.
    """

    folder: Path
    html: Path | None
    markdown: Path
    csv: Path
    json: Path
    summary: Path
    pictures: Path | None
    chart: Path | None
    png: tuple[Path, ...] = ()


def write_report(
    store: Store,
    run_id: str,
    out: Path,
    *,
    kind: str = GENERAL,
    against: str | None = None,
    png: Path | None = None,
    compact: bool = False,
) -> ReportFiles:
    """Write a run's report into ``out``, over an earlier one.

    Args:
        store: where the records lie.
        run_id: the run.
        out: the report's folder; made if absent.
        kind: one of ``KINDS``.
        against: the baseline of a regression report: a run, FOLDER:RUN of another store, or a baseline's file.
        png: write the summary picture there too; of several models each further one's beside it, with its name.
        compact: leave out the page and keep pictures small: a folder to commit (at most 1 MB).

    Raises:
        UsageError: there is no such kind, the run is not of the kind, or a baseline is missing or not wanted.
        HarnessError: a record cannot be read, or the folder cannot be written.
    """
    _check(kind, against)
    files = _assembled(load_view(store, run_id), kind, against or "", compact=compact)
    lies = {name: _put(out / name, content) for name, content in files.items()}
    summaries = {name: content for name, content in files.items() if name.startswith("summary")}
    return ReportFiles(
        folder=out,
        html=lies.get(PAGE),
        markdown=lies["report.md"],
        csv=lies["table.csv"],
        json=lies["results.json"],
        summary=lies["summary.png"],
        pictures=lies.get("pictures.png"),
        chart=next((lies[name] for name in _CHARTS if name in lies), None),
        png=tuple(_put(_beside(png, name), content) for name, content in summaries.items()) if png else (),
    )


def _check(kind: str, against: str | None) -> None:
    if kind == REGRESSION and not against:
        raise UsageError(
            "A regression report needs a baseline to hold the run against.",
            expected="--against with a run, FOLDER:RUN of another store, or a file of `baseline export`",
        )
    if kind != REGRESSION and against:
        raise UsageError(f"A report of the kind {kind!r} is held against nothing.", do="add --kind regression")


def _assembled(view: RunView, kind: str, against: str, *, compact: bool) -> dict[str, bytes]:
    """File name → content; altair and pandas are imported only when a report is made."""
    if kind == GENERAL:
        from harness.report.assemble import assemble

        return assemble(view, compact=compact)
    if kind == SCHEDULERS:
        from harness.report.schedulers.assemble import assemble_schedulers

        return assemble_schedulers(view, compact=compact)
    if kind == OPTIMIZATIONS:
        from harness.report.optimizations.assemble import assemble_optimizations

        return assemble_optimizations(view, compact=compact)
    if kind == REGRESSION:
        from harness.report.regression.assemble import assemble_regression

        return assemble_regression(view, against, compact=compact)
    raise UsageError(f"There is no report of the kind {kind!r}.", expected=f"one of {', '.join(KINDS)}")


def _beside(png: Path, name: str) -> Path:
    """Where a summary goes: the first to the place asked for, another model's with its name added."""
    return png.with_name(f"{png.stem}{name.removeprefix('summary').removesuffix('.png')}{png.suffix}")


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

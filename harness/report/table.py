"""The table as data: one row a cell, each number with its count, its interval or the reason it is missing."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from harness.catalog.metrics import METRICS
from harness.report import sentences
from harness.report.optimizations.proof import MARKS, Word, overall, proofs
from harness.report.text import (
    VERDICT_MARKS,
    WITHOUT_BETTER,
    decimals_for,
    if_unchanged,
    mebibytes,
    number,
    plural,
    seconds,
    seconds_span,
)
from harness.report.view import RunView, comparison_of, score_of
from harness.store.measured import peak_bytes, peak_kind
from harness.store.records import CellRecord, Comparison, Interval, Score, Timing

DASH = "—"  # in the place of a number that is missing


@dataclass(frozen=True)
class Number:
    """One number of the table. ``value`` is ``None`` with a ``reason``; texts are for people.

    ``applies``: false where the cell's task has no such metric, so that nothing is missing.
    """

    value: float | None
    interval: Interval | None
    n: int | None
    n_prompts: int | None
    text: str
    interval_text: str = ""
    count_text: str = ""
    reason: str | None = None
    applies: bool = True


@dataclass(frozen=True)
class Against:
    """A comparison with the reference, as texts, with the record it comes from."""

    record: Comparison
    mark: str
    verdict: str
    difference: str
    interval: str
    remark: str


@dataclass(frozen=True)
class Column:
    """A column: ``key`` is the metric's one name everywhere; ``hint`` says what made it."""

    key: str
    unit: str
    better: str  # "higher is better", "lower is better" or ""
    hint: str


@dataclass(frozen=True)
class Row:
    """A cell: its numbers by column key, its comparisons by metric, or why it has none."""

    cell_id: str
    label: str
    is_reference: bool
    status: str
    problem: str | None
    model_calls: int
    outcome: Word | None  # of what its stack asked for; ``None``: of nothing
    numbers: dict[str, Number]
    against: dict[str, Against]

    @property
    def was_on(self) -> str:
        """ "✓ applied"; a dash where nothing was asked for."""
        return DASH if self.outcome is None else f"{MARKS[self.outcome]} {self.outcome}"


@dataclass(frozen=True)
class Table:
    """All rows in the plan's order."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def asks(self) -> bool:
        """Whether any cell asked for an optimization, so that it is told whether that was on."""
        return any(row.outcome for row in self.rows)


def build_table(view: RunView) -> Table:
    """The table of a run."""
    columns = (*(_metric_column(view, metric) for metric in view.quality_metrics), *_cost_columns(view))
    return Table(columns, tuple(_row(view, cell, columns) for cell in view.cells))


def _metric_column(view: RunView, metric: str) -> Column:
    score = next(s for cell in view.done for s in cell.scores if s.metric == metric)
    names = sorted({s.name for cell in view.done for s in cell.scores if s.metric == metric})
    better = "" if metric in WITHOUT_BETTER else f"{score.direction} is better"
    return Column(metric, score.unit, better, ", ".join(names))


def _cost_columns(view: RunView) -> tuple[Column, ...]:
    timings = [cell.timing for cell in view.done if cell.timing]
    kinds = sorted({kind for cell in view.done if (kind := peak_kind(cell)) is not None})
    batch = f"batch {timings[0].batch}, " if timings else ""
    return (
        Column("latency", "s per image", "lower is better", f"median of steady calls, {batch}warm-up excluded"),
        Column("throughput", "images/s", "higher is better", "batch over median steady call"),
        Column("peak_memory", "bytes", "lower is better", ", ".join(kinds) or "not measured"),
        Column("first_call", "s", "lower is better", "median over visits"),
        Column("load", "s", "lower is better", "median over visits"),
    )


def _row(view: RunView, cell: CellRecord, columns: tuple[Column, ...]) -> Row:
    done = cell.status == "done"
    return Row(
        cell_id=cell.cell_id,
        label=cell.label,
        is_reference=cell.is_reference,
        status=cell.status,
        problem=_problem(cell),
        model_calls=view.model_calls(cell),
        outcome=overall(proofs(cell)) if done else None,
        numbers={column.key: _number(cell, column.key) for column in columns} if done else {},
        against={c.metric: _against(c) for c in cell.comparisons} if done else {},
    )


def _problem(cell: CellRecord) -> str | None:
    if cell.status == "pending":
        return "not made yet"
    if cell.failure is None:
        return None
    sentences_ = (f"{cell.failure.kind}: {cell.failure.reason}", cell.failure.do)
    return " ".join(f"{part[0].upper() if at else part[0]}{part[1:].rstrip('.')}."
                    for at, part in enumerate(sentences_) if part)  # fmt: skip


def _number(cell: CellRecord, key: str) -> Number:
    if key == "peak_memory":
        return _memory(cell)
    if key in ("latency", "throughput", "first_call", "load"):
        if cell.timing is None:
            return _missing(cell.timing_reason or "not timed yet")
        return _timing(cell.timing, key)
    score = score_of(cell, key)
    if score:
        return _score(score)
    if key in METRICS and cell.settings.task not in METRICS[key].tasks:
        return replace(_missing(f"no metric of {cell.settings.task}"), applies=False)
    return _missing("not scored yet")


def _missing(reason: str, n: int | None = None, n_prompts: int | None = None) -> Number:
    return Number(None, None, n, n_prompts, DASH, reason=reason)


def _score(score: Score) -> Number:
    if score.value is None:
        return _missing(score.reason or "no reason was recorded", score.n, score.n_prompts)
    count = plural(score.n, "image") + (f", {plural(score.n_prompts, 'prompt')}" if score.n_prompts != score.n else "")
    count += f"; {score.reason}" if score.reason else ""  # pictures left out, or why there is no interval
    text, between = sentences.value_text(score), sentences.bounds_text(score)
    return Number(score.value, score.interval, score.n, score.n_prompts, text, between, count)


def _timing(timing: Timing, key: str) -> Number:
    if key == "latency":
        bounds = timing.latency_interval
        between = seconds_span(bounds.low, bounds.high) if bounds else "no interval"
        calls = len(timing.steady_s)
        return Number(timing.latency_s, bounds, calls, None, seconds(timing.latency_s), between, plural(calls, "call"))
    if key == "throughput":
        value, calls = timing.throughput_images_per_s, len(timing.steady_s)
        return Number(
            value, None, calls, None, number(value, decimals_for(value, None, None)), "", plural(calls, "call")
        )
    visits = timing.first_call_s if key == "first_call" else timing.load_s
    if not visits:
        return _missing("no visit measured it")
    value = statistics.median(visits)
    return Number(value, None, len(visits), None, seconds(value), "", plural(len(visits), "visit"))


def _memory(cell: CellRecord) -> Number:
    peak = peak_bytes(cell)
    if peak is None:
        return _missing(cell.timing_reason or "not measured")
    visits = len(cell.timing.load_s) if cell.timing else None
    count = f"highest of {plural(visits, 'visit')}" if visits else ""
    return Number(float(peak), None, visits, None, mebibytes(peak), count_text=count)


def _against(compared: Comparison) -> Against:
    remark = compared.reason or ""
    if compared.leaning_worse:
        remark = f"leaning worse; {remark}".rstrip("; ")
    if compared.n_to_settle:
        so = if_unchanged(unchanged=compared.settles_unchanged)
        remark = f"{remark}; about {compared.n_to_settle} {compared.unit}s would settle it{so}".lstrip("; ")
    if compared.verdict == "inconclusive" and compared.smallest_effect is not None:
        remark = f"{remark}; {sentences.smallest_text(compared)}".lstrip("; ")
    return Against(
        record=compared,
        mark=VERDICT_MARKS[compared.verdict],
        verdict=compared.verdict,
        difference=sentences.difference_text(compared),
        interval=sentences.interval_text(compared),
        remark=remark,
    )


def verdict_of(view: RunView, cell: CellRecord, metric: str) -> str:
    """A cell's verdict on a metric for charts: "reference", the verdict, or "not compared"."""
    if cell.is_reference:
        return "reference"
    compared = comparison_of(cell, metric)
    return compared.verdict if compared else "not compared"

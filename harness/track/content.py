"""What MLflow is told of a run and of a cell: parameters, metrics, tags. Pure functions of records.

Keys are the spec's knobs and the records' names. A number that is missing or not finite becomes a tag
``missing.<key>`` with the reason; nothing is sent as zero.
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, field

from harness.base import digest
from harness.catalog.stacks import label_of_stack
from harness.plan.types import Cell, Plan, Settings
from harness.store.records import CellRecord, Comparison, Interval, Memory, RunRecord, Score, Timing
from harness.track.destination import without_userinfo

PARAMETER_LIMIT = 6000  # characters; MLflow cuts what is longer
TAG_LIMIT = 5000
KEY_LIMIT = 250
_ILLEGAL = re.compile(r"[^A-Za-z0-9_\-. /]")


@dataclass(frozen=True)
class Point:
    """One value of one metric; ``step`` counts the values of a series."""

    key: str
    value: float
    step: int = 0


@dataclass
class Content:
    """What one MLflow run holds, files aside. ``long`` has the parameters that are too long to be sent whole."""

    name: str
    started_ms: int
    finished_ms: int | None
    status: str  # MLflow's: RUNNING, FINISHED, FAILED, KILLED
    parameters: dict[str, str] = field(default_factory=dict)
    long: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def parameter(self, key: str, value: object) -> None:
        """Add a parameter; of one that is too long the digest, and the text goes into a file."""
        text = str(value)
        if len(text) > PARAMETER_LIMIT:
            self.long[key] = text
            text = f"sha256:{digest(text)}"
        self.parameters[legal_key(key)] = text

    def metric(self, key: str, value: float | None, reason: str | None = None, step: int = 0) -> None:
        """Add a number, or the reason why there is none."""
        key = legal_key(key)
        if value is None:
            self.tag(f"missing.{key}", reason or "not measured")
        elif not math.isfinite(value):
            self.tag(f"missing.{key}", reason or f"not a finite number ({value})")
        else:
            self.points.append(Point(key, float(value), step))

    def bounds(self, key: str, interval: Interval | None) -> None:
        """Add an interval's two ends, as metrics of their own."""
        if interval is not None:
            self.metric(f"{key}.low", interval.low)
            self.metric(f"{key}.high", interval.high)

    def tag(self, key: str, value: object) -> None:
        """Add a tag, cut to what MLflow keeps."""
        text = without_userinfo(str(value))
        self.tags[legal_key(key)] = text if len(text) <= TAG_LIMIT else text[: TAG_LIMIT - 1] + "…"


def legal_key(name: str) -> str:
    """A key that MLflow accepts; where a letter had to go, a digest keeps two names apart."""
    parts = [part for part in _ILLEGAL.sub("_", name).split("/") if part.strip(".")]
    clean = "/".join(parts)
    if name and clean == name and len(name) <= KEY_LIMIT:
        return name
    return f"{clean[: KEY_LIMIT - 7]}-{digest(name)[:6]}"


def run_content(run: RunRecord, cells: list[CellRecord], *, under_way: bool) -> Content:
    """The parent: what all cells share, how the run went, and what it was asked."""
    ended = run.finished_ms or max((cell.finished_ms or 0 for cell in cells), default=0) or run.started_ms
    told = Content(run.run_id, run.started_ms, None if under_way else ended, _run_status(run, under_way))
    for key, value in shared_parameters(run.plan).items():
        told.parameter(key, value)
    told.metric("cells", len(run.plan.cells))
    told.metric("cells_done", sum(cell.status == "done" for cell in cells))
    told.metric("cells_failed", sum(cell.status == "failed" for cell in cells))
    told.metric("images", sum(len(batch.rows) for cell in cells for batch in cell.batches))
    if not under_way:
        told.metric("seconds", (ended - run.started_ms) / 1000)
    for name, counts in (("made", run.made), ("reused", run.reused)):
        for stage, count in counts.items():
            told.metric(f"{name}/{stage}", count)
    told.tag("kandinsky.run_id", run.run_id)
    told.tag("kandinsky.status", run.status)
    told.tag("kandinsky.command", run.command)
    told.tag("kandinsky.spec_digest", run.plan.spec_digest)
    told.tag("kandinsky.environment_digest", run.environment_digest)
    told.tag("mlflow.note.content", run.plan.question)
    return told


def cell_content(run: RunRecord, cell: CellRecord, parent_id: str) -> Content:
    """One child: every knob resolved, every number, and the reason for every number that is missing."""
    began = cell.started_ms or run.started_ms
    ended = cell.finished_ms or run.finished_ms or began
    told = Content(cell.label, began, ended, "FAILED" if cell.status == "failed" else "FINISHED")
    for key, value in {**shared_parameters(run.plan), **settings_parameters(cell.settings)}.items():
        told.parameter(key, value)
    if cell.scheduler:
        told.parameter("scheduler_class", cell.scheduler.get("class_name", "unknown"))
        told.parameter("scheduler_config_sha256", digest(cell.scheduler))
    told.metric("images", sum(len(batch.rows) for batch in cell.batches))
    told.metric("seconds", (ended - began) / 1000)
    for score in cell.scores:
        _score(told, score)
    for comparison in cell.comparisons:
        _comparison(told, comparison)
    reason = cell.timing_reason or ("the cell failed" if cell.failure else None)
    _timing(told, cell.timing, reason)
    _memory(told, cell.memory, reason)
    told.tag("mlflow.parentRunId", parent_id)
    told.tag("kandinsky.run_id", run.run_id)
    told.tag("kandinsky.cell_id", cell.cell_id)
    told.tag("kandinsky.reference", "itself" if cell.is_reference else cell.reference or "none")
    _converged(told, run.plan.cell(cell.cell_id))
    if cell.failure is not None:
        told.tag("kandinsky.failure", cell.failure.reason)
        told.tag("kandinsky.failure_kind", cell.failure.kind)
    return told


def _converged(told: Content, cell: Cell) -> None:
    """A converged solution is a child like others, that its pictures can be seen; its tag keeps it out of tables."""
    told.tag("kandinsky.is_converged", str(cell.is_converged).lower())
    if cell.converged is not None:
        told.tag("kandinsky.converged", cell.converged)


def shared_parameters(plan: Plan) -> dict[str, object]:
    """Knobs that have one value in all cells that are scored, and the size of the experiment."""
    each = [settings_parameters(cell.settings) for cell in plan.scored_cells]
    shared = {key: value for key, value in each[0].items() if all(other[key] == value for other in each)}
    return {
        **shared,
        "n_prompts": len({row.prompt_id for row in plan.rows}),
        "n_seeds": len({row.seed for row in plan.rows}),
        "n_rows": len(plan.rows),
        "timing.repeats": plan.timing.repeats if plan.timing.enabled else 0,
        "timing.rounds": plan.timing.rounds if plan.timing.enabled else 0,
        "timing.batch": plan.timing.batch,
        "device": plan.device,
    }


def settings_parameters(settings: Settings) -> dict[str, object]:
    """A cell's knobs under their own names; the scheduler by its label, a stack as the spec writes it."""
    knobs: dict[str, object] = {name: value for name, value in settings if value is not None}
    return {**knobs, "scheduler": settings.scheduler.label, "optimizations": label_of_stack(settings.optimizations)}


def _run_status(run: RunRecord, under_way: bool) -> str:
    if under_way:
        return "RUNNING"
    return "FINISHED" if run.status in ("finished", "failed-cells") else "KILLED"


def _score(told: Content, score: Score) -> None:
    told.metric(score.name, score.value, score.reason)
    told.bounds(score.name, score.interval)
    told.metric(f"{score.name}.n", score.n)
    told.metric(f"{score.name}.n_prompts", score.n_prompts)


def _comparison(told: Content, comparison: Comparison) -> None:
    key = f"difference/{comparison.metric}"
    told.metric(key, comparison.difference, comparison.reason)
    told.bounds(key, comparison.interval)
    told.tag(f"verdict.{comparison.metric}", comparison.verdict)


def _timing(told: Content, timing: Timing | None, reason: str | None) -> None:
    if timing is None:
        told.metric("latency_s", None, reason)
        return
    told.metric("latency_s", timing.latency_s)
    told.bounds("latency_s", timing.latency_interval)
    told.metric("throughput_images_per_s", timing.throughput_images_per_s)
    told.metric("load_s", _median(timing.load_s))
    told.metric("first_call_s", _median(timing.first_call_s))
    told.metric("drift", timing.drift, "no bracketing baseline")
    for step, seconds in enumerate(timing.steady_s):
        told.metric("steady_s", seconds, step=step)


def _memory(told: Content, memory: Memory | None, reason: str | None) -> None:
    told.metric("peak_memory_bytes", None if memory is None else memory.peak_bytes, reason)
    if memory is not None and memory.reserved_bytes is not None:
        told.metric("reserved_memory_bytes", memory.reserved_bytes)


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None

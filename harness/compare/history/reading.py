"""What one run says of a metric of one cell, and what a number must share with another to be joined with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.base import digest
from harness.compare.costs import ALIKE
from harness.compare.quality import making
from harness.plan.needs import used
from harness.report.view import RunView, score_of
from harness.stats.ratio import mean_over_visits
from harness.store.measured import MEASURED, by_visit, not_its_own, peak_kind
from harness.store.records import CellRecord, Score

LEVEL = 0.95


@dataclass(frozen=True)
class Reading:
    """A number with its interval; ``shares``: what must be equal in two readings of one series."""

    value: float
    low: float | None
    high: float | None
    n: int
    unit: Literal["prompt", "visit"]
    shares: dict[str, Any]
    level: float = LEVEL
    reason: str | None = None


@dataclass(frozen=True)
class Absent:
    """No reading, and why; ``told``: it belongs to what is said, because there might have been one."""

    reason: str
    told: bool = True


def reading(view: RunView, cell: CellRecord, metric: str) -> Reading | Absent:
    """The metric of a cell in a run."""
    if cell.status != "done":
        return Absent(f"the cell {'failed' if cell.status == 'failed' else 'is not made'}")
    return _cost(view, cell, metric) if metric in MEASURED else _quality(view, cell, metric)


def _quality(view: RunView, cell: CellRecord, metric: str) -> Reading | Absent:
    score = score_of(cell, metric)
    if score is None:
        return Absent("not scored by it", told=False)
    if score.value is None or not math.isfinite(score.value):
        return Absent(f"no value: {score.reason or 'not a finite number'}")
    if cell.batches and all(batch.made_in != view.run.run_id for batch in cell.batches):
        return Absent(f"its pictures were taken over from {cell.batches[0].made_in}: nothing was made anew")
    bounds = score.interval
    return Reading(
        value=score.value,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
        level=bounds.level if bounds else LEVEL,
        n=score.n_prompts,
        unit="prompt",
        shares={"name": score.name, **_scored_on(view, cell, score)},
        reason=None if bounds else (score.reason or "none was made"),
    )


def _scored_on(view: RunView, cell: CellRecord, score: Score) -> dict[str, Any]:
    rows = sorted(digest(used(row, cell.settings.task, cell.settings.weights)) for row in view.rows_of(cell))
    return {**making(score), "pictures": score.n, "rows": digest(rows)[:12]}


def _cost(view: RunView, cell: CellRecord, metric: str) -> Reading | Absent:
    timing = cell.timing
    if timing is None:
        return Absent(cell.timing_reason or "not timed", told=False)
    if timing.measured_in != view.run.run_id:
        return Absent(f"its timing was taken over from {timing.measured_in}: nothing was measured anew")
    if (foreign := not_its_own(cell)) is not None:
        return Absent(foreign)
    machine = _machine(view)
    if machine is None:
        return Absent("the run does not say what machine it was measured on")
    costs = list(by_visit(metric, cell).values())
    if not costs or min(costs) <= 0:
        return Absent("no visit has a measurement above zero")
    found = mean_over_visits(np.log(costs), level=LEVEL)
    value, low, high = (None if end is None else math.exp(end) for end in (found.value, found.low, found.high))
    assert value is not None
    kind = {"kind": peak_kind(cell)} if metric == "peak_memory" else {}
    shares = {**machine, "batch": timing.batch, **kind}
    return Reading(value, low, high, found.n, "visit", shares, reason=found.reason)


def _machine(view: RunView) -> dict[str, Any] | None:
    """What of the environment must be equal for two times to be of one series."""
    environment = view.run.environment
    if any(not isinstance(environment.get(group), dict) for group in ALIKE):
        return None
    return {f"{group} {name}": environment[group].get(name) for group, names in ALIKE.items() for name in names}

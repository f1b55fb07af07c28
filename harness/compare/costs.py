"""Latency and peak memory: compared where the machine is the same, and as interleaved only if they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.compare.ab import WHOLE, in_turns, paired_case, whole_memory
from harness.compare.cases import Case, CellPair
from harness.compare.margins import Margins
from harness.compare.types import Finding
from harness.plan.margins import relative_margin
from harness.stats.standing import Against
from harness.stats.verdict import UnpairedSample
from harness.store.measured import MEASURED, both_by_visit, drift, not_its_own
from harness.store.records import CellRecord, RunRecord, Timing

APART = (
    "The two were timed at different times, not interleaved: "
    "the intervals of latency and peak memory know the spread over visits only."
)
#: What must be equal for a time or a size to mean the same. The memory that a system reports moves with its kernel.
ALIKE: dict[str, tuple[str, ...]] = {
    "hardware": ("architecture", "cpu_model", "cores_physical", "cores_logical", "cores_usable", "cgroup_cpus"),
    "device": ("name", "memory_bytes", "capability"),
    "torch": ("device", "threads", "interop_threads"),
}
_WORDS = {"latency": "timing", "peak_memory": "peak of memory"}


def other_machine(baseline: RunRecord, run: RunRecord) -> str | None:
    """Why the two runs' times and sizes are of different machines, or of unknown ones; ``None``: they are not."""
    for side, record in (("baseline", baseline), ("run", run)):
        if any(not isinstance(record.environment.get(group), dict) for group in ALIKE):
            return f"the {side} does not say what machine it was measured on"
    for group, names in ALIKE.items():
        theirs, mine = baseline.environment[group], run.environment[group]
        for name in names:
            if theirs.get(name) != mine.get(name):
                return f"another machine: {group} {name} {theirs.get(name)} and {mine.get(name)}"
    return None


def cost_cases(cells: CellPair, margins: Margins, machines: str | None) -> list[Case]:
    """Latency and peak memory; none where neither run was timed. ``machines``: why they cannot be compared."""
    if cells.old.timing is None and cells.new.timing is None:
        return []
    return [_case(cells, metric, margins.get(metric), machines) for metric in MEASURED]


def _case(cells: CellPair, metric: str, margin: float | str | None, machines: str | None) -> Case:
    theirs, mine = both_by_visit(metric, cells.old, cells.new)
    notes = tuple(_disturbed(cells)) if metric == "latency" else ()
    turns = in_turns(cells.baseline.run, cells.run.run)
    if metric == "peak_memory" and turns and (whole := whole_memory(cells, (theirs, mine))) is not None:
        (theirs, mine), notes = whole, (WHOLE,)
    known = Finding(
        metric=metric,
        verdict="not comparable",
        baseline=_middle(theirs),
        run=_middle(mine),
        relative=True,
        unit="visit",
        notes=notes,
    )
    if cells.new.timing is None and cells.new.timing_failure is not None and known.baseline is not None:
        return Case(_with(known, "regressed", f"a new failure: {cells.new.timing_failure.reason}"))
    if reason := machines or _of_another_kind(cells, metric):
        owed = machines is None and known.baseline is not None and margin is not None
        return Case(known.model_copy(update={"reason": reason, "owed": owed}))
    known = known.model_copy(update={"difference": _ratio(known), "n": min(len(theirs), len(mine))})
    if margin is None:
        return Case(_with(known, "no verdict", "no margin was stated for it before the run"))
    limit = relative_margin(margin, metric)
    known = known.model_copy(update={"margin": limit})
    if _one_measurement(cells):
        return Case(_with(known, "equivalent", "one stored measurement serves both runs: nothing was timed anew"))
    if turns:
        return paired_case(cells, known, (mine, theirs), limit)
    costs = [np.array(list(visits.values()), dtype=np.float64) for visits in (mine, theirs)]
    return _judgeable(cells, known, costs, limit)


def _judgeable(cells: CellPair, known: Finding, costs: list[NDArray[np.float64]], limit: float) -> Case:
    if not all(np.all(np.isfinite(cost) & (cost > 0)) for cost in costs):
        return Case(_with(known, "inconclusive", "a visit has no measurement above zero: no ratio is made of that"))
    name = f"{cells.old.cell_id}:{known.metric}"
    sample = UnpairedSample(name, np.log(costs[0]), np.log(costs[1]), float(np.log1p(limit)))
    return Case(known, sample, against=_against(cells, known.metric, limit))


def _against(cells: CellPair, metric: str, margin: float) -> Against:
    """Of two passes apart nothing cancels: a drift past the margin in one of them spoils a difference as well."""
    moved = max(drift(cells.old), drift(cells.new)) if metric == "latency" else 0.0
    why = f"the machine drifted by {moved:.1%} while it was timed, more than the margin of {margin:.1%}"
    return Against(void=not_its_own(cells.old) or not_its_own(cells.new), spoilt=why if moved > margin else None)


def _of_another_kind(cells: CellPair, metric: str) -> str | None:
    for side, record in (("baseline", cells.old), ("run", cells.new)):
        if record.timing is None:
            return f"the {side} has no {_WORDS[metric]}: {record.timing_reason or 'not measured'}"
        if metric == "peak_memory" and record.memory is None:
            return f"the {side} has no peak of memory"
    theirs, mine = _timing(cells.old), _timing(cells.new)
    if theirs.batch != mine.batch:
        return f"timed in batches of {theirs.batch} and {mine.batch}"
    if cells.old.memory and cells.new.memory and cells.old.memory.kind != cells.new.memory.kind:
        return f"{cells.old.memory.kind} and {cells.new.memory.kind} are two things"
    return None


def _timing(record: CellRecord) -> Timing:
    assert record.timing is not None
    return record.timing


def _one_measurement(cells: CellPair) -> bool:
    """The run took the baseline's timing from the store: equal numbers are then no evidence of anything."""
    theirs, mine = _timing(cells.old), _timing(cells.new)
    same = (theirs.measured_in, theirs.measured_at) == (mine.measured_in, mine.measured_at)
    return same and theirs.steady_s == mine.steady_s and cells.old.memory == cells.new.memory


def _disturbed(cells: CellPair) -> list[str]:
    """What was not alike in the two timings, and what disturbed either."""
    sides = (("baseline", cells.old), ("run", cells.new))
    company = {record.timing.beside is not None for _, record in sides if record.timing is not None}
    unlike = ["one of the two was timed with its reference called beside it, and the other was not"]
    return [*(unlike if len(company) > 1 else []), *_seen(sides)]


def _seen(sides: tuple[tuple[str, CellRecord], ...]) -> list[str]:
    return [f"while the {side} was timed: {what}" for side, record in sides for what in _timing_notes(record)]


def _timing_notes(record: CellRecord) -> list[str]:
    return record.timing.disturbances if record.timing is not None else []


def _middle(visits: Mapping[int, float]) -> float | None:
    """The geometric mean over visits: what the ratio is made of."""
    costs = list(visits.values())
    return float(np.exp(np.mean(np.log(costs)))) if costs and min(costs) > 0 else None


def _ratio(known: Finding) -> float | None:
    return known.run / known.baseline - 1 if known.run is not None and known.baseline else None


def _with(finding: Finding, verdict: str, reason: str) -> Finding:
    changes: dict[str, Any] = {"verdict": verdict, "reason": reason}
    return finding.model_copy(update=changes)

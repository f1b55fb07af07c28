"""The comparison itself: match, look, gather every metric, judge them all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.compare.ab import IN_TURNS, in_turns
from harness.compare.cases import Case, CellPair, settled
from harness.compare.changes import (
    environment_changes,
    scheduler_changes,
    scoring_notes,
    unknown_changes,
    weight_changes,
)
from harness.compare.costs import APART, cost_cases, other_machine
from harness.compare.identical import pixels_finding
from harness.compare.margins import Margins, margin_notes
from harness.compare.matching import match_cells
from harness.compare.naming import full_name, one_sided
from harness.compare.noise import noise_notes
from harness.compare.pictures import Looked, look
from harness.compare.quality import quality_cases
from harness.compare.types import RESULT, CellCompared, Compared, Finding, Outcome, Side
from harness.plan.margins import margins_that_count
from harness.report.view import RunView
from harness.stats.verdict import Judged, UnpairedSample, paired_comparisons
from harness.store.records import CellRecord


@dataclass(frozen=True)
class Seen:
    """A pair of cells with everything seen of it; ``looked`` is there where both are done."""

    cells: CellPair
    cases: tuple[Case, ...]
    looked: Looked | None


def compare(
    baseline: RunView,
    run: RunView,
    *,
    places: tuple[str, str],
    late: Mapping[str, float | str] | None = None,
    identical: bool = False,
) -> tuple[Compared, list[Seen]]:
    """Compare two runs.

    Args:
        baseline: gives the margins.
        run: what is judged.
        places: where each was asked for, for whoever reads.
        late: metric -> a margin that was given after the run; it is told, and decides nothing.
        identical: a pair of cells whose pictures are not all the same has regressed.

    Returns:
        What is to be said, and what was seen, from which the worst pictures are chosen.
    """
    matched, margins = match_cells(baseline, run), margins_that_count(baseline.plan)
    machines = other_machine(baseline.run, run.run)
    pairs = [CellPair(baseline, run, old, new) for old, new in matched.pairs]
    seen = [_see(pair, margins, machines, identical=identical) for pair in pairs]
    findings = _judged(seen)
    told = Compared(
        baseline=_side(baseline, places[0]),
        run=_side(run, places[1]),
        cells=tuple(_cell(one, found) for one, found in zip(seen, findings, strict=True)),
        only_baseline=one_sided(matched.only_baseline),
        only_run=one_sided(matched.only_run),
        environment=environment_changes(baseline.run, run.run),
        schedulers=scheduler_changes(pairs),
        weights=weight_changes(pairs),
        unknown=unknown_changes(baseline.run, run.run),
        margins=margins,
        notes=(
            *margin_notes(baseline.plan, run.plan, late or {}),
            *_timed(baseline, run, seen),
            *noise_notes(baseline, run),
            *scoring_notes(pairs),
        ),
    )
    return told, seen


def _timed(baseline: RunView, run: RunView, seen: list[Seen]) -> list[str]:
    if in_turns(baseline.run, run.run) and run.run.pair is not None:
        timed = any(record.timing is not None for one in seen for record in (one.cells.old, one.cells.new))
        return [IN_TURNS[run.run.pair.turns]] if timed else []
    return [APART] if any(isinstance(case.sample, UnpairedSample) for one in seen for case in one.cases) else []


def _side(view: RunView, place: str) -> Side:
    run = view.run
    return Side(run_id=run.run_id, name=run.name, place=place, started_ms=run.started_ms, unfinished=view.unfinished)


def _see(pair: CellPair, margins: Margins, machines: str | None, *, identical: bool) -> Seen:
    if outcome_of(pair.old, pair.new) != "compared":
        return Seen(pair, (Case(_of_result(pair)),), None)
    cases, looked = [*quality_cases(pair, margins), *cost_cases(pair, margins, machines)], look(pair)
    if identical:
        cases.insert(0, Case(pixels_finding(looked.pictures, lost=pair.only[0], same=pair.same_pictures)))
    return Seen(pair, tuple(cases), looked)


def outcome_of(old: CellRecord, new: CellRecord) -> Outcome:
    """Whether a cell could be made, then and now."""
    if new.status == "pending":
        return "not made in the run"
    if old.status == "pending":
        return "not made in the baseline"
    if new.status == "failed":
        return "failed in both" if old.status == "failed" else "new failure"
    return "fixed" if old.status == "failed" else "compared"


def _of_result(pair: CellPair) -> Finding:
    """The one finding on a cell that is not done on both sides."""
    outcome = outcome_of(pair.old, pair.new)
    if outcome == "new failure":
        return Finding(metric=RESULT, verdict="regressed", reason=f"a new failure: {_failure(pair.new)}")
    if outcome == "fixed":
        return Finding(metric=RESULT, verdict="improved", reason=f"it failed in the baseline: {_failure(pair.old)}")
    why = f"failed in both: {_failure(pair.new)}" if outcome == "failed in both" else outcome
    return Finding(metric=RESULT, verdict="not comparable", reason=why)


def _failure(cell: CellRecord) -> str:
    return cell.failure.reason if cell.failure is not None else "no reason was recorded"


def _judged(seen: list[Seen]) -> list[list[Finding]]:
    """The findings of each pair: one Holm adjustment over everything that may come to a verdict.

    What is spoilt claims nothing whatever its numbers are, so it costs the others nothing: it is judged apart, for its
    interval.
    """
    cases = [case for one in seen for case in one.cases]
    verdicts = {idle: _verdicts([case for case in cases if _decides_nothing(case) == idle]) for idle in (False, True)}
    return [[_settled(case, verdicts[_decides_nothing(case)]) for case in one.cases] for one in seen]


def _decides_nothing(case: Case) -> bool:
    return case.against.decides_nothing is not None


def _verdicts(cases: list[Case]) -> Iterator[Judged]:
    return iter(paired_comparisons([case.sample for case in cases if case.sample is not None]))


def _settled(case: Case, verdicts: Iterator[Judged]) -> Finding:
    return settled(case, next(verdicts) if case.sample is not None else None)


def _cell(seen: Seen, findings: list[Finding]) -> CellCompared:
    pair, (only_old, only_new) = seen.cells, seen.cells.only
    outcome = outcome_of(pair.old, pair.new)
    return CellCompared(
        label=pair.old.label,
        name=full_name(pair.old.settings),
        baseline_id=pair.old.cell_id,
        run_id=pair.new.cell_id,
        outcome=outcome,
        reason=None if outcome == "compared" else findings[0].reason,
        rows_only_baseline=only_old,
        rows_only_run=only_new,
        pictures=seen.looked.pictures if seen.looked is not None else None,
        findings=tuple(findings),
        notes=tuple(_notes(pair)),
    )


def _notes(pair: CellPair) -> list[str]:
    """What differs in a pair of cells that mean the same."""
    old, new, notes = pair.old.settings, pair.new.settings, []
    if old.model != new.model:
        notes.append(f"the model is called {old.model} in the baseline and {new.model} in the run")
    if old.batch_size != new.batch_size:
        notes.append(f"made in batches of {old.batch_size} and {new.batch_size}, which moves last bits")
    return notes

"""Every cell against its reference, paired, with one Holm adjustment over the whole run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.catalog.metrics import metric_row
from harness.plan.margins import absolute_margin, relative_margin
from harness.plan.types import Plan
from harness.stats.pairing import harm_by_visit, in_unit, pair, paired_harm
from harness.stats.standing import NOTHING, Against, standing
from harness.stats.verdict import Judged, PairedSample, paired_comparisons
from harness.store.measured import (
    MEASURED,
    both_by_visit,
    drift,
    drift_words,
    latency_in_turns,
    not_their_own,
)
from harness.store.records import CellRecord, Comparison, Interval

Rows = list[dict[str, Any]]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class _Case:
    """One comparison to be judged: whose, of what, its sample, and what speaks against that."""

    cell: str
    reference: str
    metric: str
    direction: Direction
    relative: bool
    sample: PairedSample
    stated: float  # the margin asked for, as the sample's
    against: Against = NOTHING


def compare_cells(plan: Plan, cells: dict[str, CellRecord], rows: dict[str, Rows]) -> dict[str, list[Comparison]]:
    """Cell id -> its comparisons. Only cells that are done, and whose reference is, have any.

    Args:
        plan: gives the margins; a metric without one is compared by nobody.
        cells: every cell's record by id.
        rows: every done cell's per-image rows by id.
    """
    cases: list[_Case] = []
    for cell in cells.values():
        reference = cells.get(cell.reference or "")
        if reference is None or cell.status != "done" or reference.status != "done":
            continue
        margins = {metric: margin for metric, margin in plan.margins.items() if _is_judged(plan, metric)}
        cases += [_case(cell, reference, metric, margin, rows) for metric, margin in margins.items()]
    judged = paired_comparisons([case.sample for case in cases])
    found: dict[str, list[Comparison]] = {}
    for case, verdict in zip(cases, judged, strict=True):
        found.setdefault(case.cell, []).append(_comparison(case, verdict))
    return found


def _is_judged(plan: Plan, metric: str) -> bool:
    """Not what is not computed, and not a distance of whole sets, on which no verdict rests."""
    return metric in MEASURED or (metric in plan.metrics and metric_row(metric).per_image)


def _case(cell: CellRecord, reference: CellRecord, metric: str, margin: float | str, rows: dict[str, Rows]) -> _Case:
    if metric in MEASURED:
        return _measured(cell, reference, metric, relative_margin(margin, metric))
    return _per_image(cell, reference, metric, margin, rows)


def _per_image(
    cell: CellRecord, reference: CellRecord, metric: str, margin: float | str, rows: dict[str, Rows]
) -> _Case:
    row, name = metric_row(metric), f"{cell.cell_id}:{metric}"
    mine, theirs = _column(rows, cell.cell_id, metric), _column(rows, reference.cell_id, metric)
    clusters = {entry["row_id"]: entry["prompt_id"] for entry in rows.get(cell.cell_id, [])}
    pairs = pair(mine, theirs, clusters)
    harm = paired_harm(pairs.cell, pairs.reference, direction=row.direction)
    limit = absolute_margin(margin, metric, float(np.mean(pairs.reference)) if len(harm) else math.nan)
    sample = PairedSample(name, harm, limit, share=row.unit == "share")
    against = Against(void=None if len(harm) else f"no picture has a {metric} in both cells")
    return _Case(cell.cell_id, reference.cell_id, metric, row.direction, False, sample, limit, against)


def _column(rows: dict[str, Rows], cell_id: str, metric: str) -> dict[str, float]:
    values = {row["row_id"]: row.get(metric) for row in rows.get(cell_id, [])}
    return {row_id: float(value) for row_id, value in values.items() if value is not None}


def _measured(cell: CellRecord, reference: CellRecord, metric: str, margin: float) -> _Case:
    """What the timing pass measured, visit by visit: calls of one visit share their process, and count as one.

    A drift past the margin has the margin's place: only what is beyond it shows. Calls in turns meet the drift alike:
    there it forbids sameness and nothing else.
    """
    turns = latency_in_turns(cell, reference) if metric == "latency" else None
    harm = harm_by_visit(*(turns or both_by_visit(metric, cell, reference)))
    moved = max(drift(cell), drift(reference)) if metric == "latency" else 0.0
    limit, name = float(np.log1p(margin if turns else max(margin, moved))), f"{cell.cell_id}:{metric}"
    sample = PairedSample(name, np.zeros(0) if harm is None else harm, limit, unit="visit")
    against = Against(
        void=not_their_own(cell, reference),
        spoilt=_spoilt(cell, reference, metric, in_turns=turns is not None),
        drifted=drift_words(moved, margin) if moved > margin else None,
    )
    return _Case(cell.cell_id, reference.cell_id, metric, "lower", True, sample, float(np.log1p(margin)), against)


def _spoilt(cell: CellRecord, reference: CellRecord, metric: str, *, in_turns: bool) -> str | None:
    for record in (cell, reference):
        if record.timing is None:
            return f"{record.label} has no timing: {record.timing_reason or 'not measured'}"
    assert cell.timing is not None and reference.timing is not None
    if cell.timing.measured_in != reference.timing.measured_in and not in_turns:
        return "the two were timed in different runs; `--remeasure` times them side by side"
    if metric == "peak_memory" and not (cell.memory and reference.memory):
        return "the peak of memory was not measured in both"
    if metric == "peak_memory" and not all(both_by_visit(metric, cell, reference)):
        return "what the device's allocator reserved, by which CUDA graphs are compared, was not measured in both"
    return None


def _comparison(case: _Case, judged: Judged) -> Comparison:
    low, high = _in_unit(case, judged.low), _in_unit(case, judged.high)
    bounds = None
    if low is not None and high is not None:
        bounds = Interval(low=min(low, high), high=max(low, high), level=judged.level, method=judged.method)
    margin, left = _in_unit(case, case.stated), standing(judged, case.against)
    return Comparison(
        metric=case.metric,
        reference=case.reference,
        difference=_in_unit(case, judged.mean),
        interval=bounds,
        margin=abs(margin) if margin is not None else case.stated,
        verdict=left.verdict,
        leaning_worse=left.leaning_worse,
        p_sign_flip=judged.p_sign_flip,
        n=judged.n,
        unit=case.sample.unit,
        n_to_settle=left.n_to_settle,
        settles_unchanged=left.settles_unchanged,
        sd=judged.sd,
        smallest_effect=_size(case, left.smallest_effect),
        reason=left.reason,
    )


def _size(case: _Case, harm: float | None) -> float | None:
    """A harm's size as a difference has it; it has no sign."""
    return None if harm is None else float(np.expm1(harm)) if case.relative else harm


def _in_unit(case: _Case, harm: float | None) -> float | None:
    return in_unit(harm, direction=case.direction, relative=case.relative)

"""Every cell against its reference, paired, with one Holm adjustment over the whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.catalog.metrics import metric_row
from harness.errors import HarnessError
from harness.plan.types import Plan
from harness.stats.pairing import pair, paired_harm
from harness.stats.verdict import Judged, PairedSample, paired_comparisons
from harness.store.records import CellRecord, Comparison, Interval

Rows = list[dict[str, Any]]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class _Case:
    """One comparison to be judged: whose, of what, and its sample."""

    cell: str
    reference: str
    metric: str
    direction: Direction
    relative: bool
    sample: PairedSample
    spoilt: str | None = None  # why the sample can decide nothing, whatever it says


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
        for metric, margin in plan.margins.items():
            case = _case(plan, cell, reference, metric, margin, rows)
            if case is not None:
                cases.append(case)
    judged = paired_comparisons([case.sample for case in cases])
    found: dict[str, list[Comparison]] = {}
    for case, verdict in zip(cases, judged, strict=True):
        found.setdefault(case.cell, []).append(_comparison(case, verdict))
    return found


def _case(
    plan: Plan, cell: CellRecord, reference: CellRecord, metric: str, margin: float | str, rows: dict[str, Rows]
) -> _Case | None:
    if metric == "latency":
        return _latency(cell, reference, relative_margin(margin, metric))
    if metric == "peak_memory":
        return None  # one peak for each visit is no sample; the table shows both numbers
    if metric not in plan.metrics or not metric_row(metric).per_image:
        return None
    return _per_image(cell, reference, metric, margin, rows)


def _per_image(
    cell: CellRecord, reference: CellRecord, metric: str, margin: float | str, rows: dict[str, Rows]
) -> _Case | None:
    mine, theirs = _column(rows, cell.cell_id, metric), _column(rows, reference.cell_id, metric)
    if not mine or not theirs:
        return None
    direction = metric_row(metric).direction
    clusters = {row["row_id"]: row["prompt_id"] for row in rows[cell.cell_id]}
    pairs = pair(mine, theirs, clusters)
    harm = paired_harm(pairs.cell, pairs.reference, direction=direction)
    limit = _absolute(margin, metric, pairs.reference)
    name = f"{cell.cell_id}:{metric}"
    return _Case(cell.cell_id, reference.cell_id, metric, direction, False, PairedSample(name, harm, limit))


def _column(rows: dict[str, Rows], cell_id: str, metric: str) -> dict[str, float]:
    values = {row["row_id"]: row.get(metric) for row in rows.get(cell_id, [])}
    return {row_id: float(value) for row_id, value in values.items() if value is not None}


def _latency(cell: CellRecord, reference: CellRecord, margin: float) -> _Case | None:
    """Sweep by sweep: the n-th call of the one against the n-th of the other, seconds apart in the same visit."""
    if cell.timing is None or reference.timing is None:
        return None
    mine, theirs = _sweeps(cell), _sweeps(reference)
    if len(mine) != len(theirs):
        return None
    harm = paired_harm(mine, theirs, direction="lower", relative=True)
    sample = PairedSample(f"{cell.cell_id}:latency", harm, float(np.log1p(margin)))
    return _Case(cell.cell_id, reference.cell_id, "latency", "lower", True, sample, _spoilt(cell, reference, margin))


def _sweeps(cell: CellRecord) -> NDArray[np.float64]:
    assert cell.timing is not None
    return np.asarray(cell.timing.steady_s) / cell.timing.batch


def _spoilt(cell: CellRecord, reference: CellRecord, margin: float) -> str | None:
    assert cell.timing is not None and reference.timing is not None
    if cell.timing.measured_in != reference.timing.measured_in:
        return "the two were timed in different runs; `--remeasure` times them side by side"
    drift = max(cell.timing.drift or 0.0, reference.timing.drift or 0.0)
    if drift > margin:
        return f"the machine drifted by {drift:.1%} between visits, more than the margin of {margin:.1%}"
    return None


def relative_margin(margin: float | str, metric: str) -> float:
    """``"3%"`` as 0.03; a plain number is taken as a fraction."""
    if isinstance(margin, str):
        if not margin.endswith("%"):
            raise HarnessError(f"The margin of {metric} is {margin!r}.", expected='a number, or a share such as "3%"')
        return float(margin[:-1]) / 100.0
    return float(margin)


def _absolute(margin: float | str, metric: str, reference: NDArray[np.float64]) -> float:
    """A margin in the metric's own unit; a share is of the reference's mean."""
    if isinstance(margin, str):
        return relative_margin(margin, metric) * abs(float(np.mean(reference)))
    return float(margin)


def _comparison(case: _Case, judged: Judged) -> Comparison:
    low, high = _in_unit(case, judged.low), _in_unit(case, judged.high)
    bounds = None
    if low is not None and high is not None:
        bounds = Interval(low=min(low, high), high=max(low, high), level=judged.level, method=judged.method)
    margin = _in_unit(case, judged.margin)
    return Comparison(
        metric=case.metric,
        reference=case.reference,
        difference=_in_unit(case, judged.mean),
        interval=bounds,
        margin=abs(margin) if margin is not None else judged.margin,
        verdict="inconclusive" if case.spoilt else judged.verdict,
        leaning_worse=judged.leaning_worse,
        p_sign_flip=judged.p_sign_flip,
        n_prompts=judged.n,
        n_to_settle=None if case.spoilt else judged.n_to_settle,
        reason=case.spoilt or judged.reason,
    )


def _in_unit(case: _Case, harm: float | None) -> float | None:
    """A harm as cell minus reference in the metric's unit; a log ratio as the ratio minus one."""
    if harm is None:
        return None
    if case.relative:
        return float(np.expm1(harm))
    return harm if case.direction == "lower" else -harm

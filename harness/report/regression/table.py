"""The report's cells as data: one flat record a cell, for CSV and JSON; ``None`` is missing, its reason beside it."""

from __future__ import annotations

from typing import Any

from harness.compare.outcome import verdict_of_costs, verdict_of_pictures
from harness.compare.types import Finding
from harness.report.regression.held import Alone, Held, Line


def records(held: Held) -> list[dict[str, Any]]:
    """One record a cell, regressed first, those of one run only last."""
    return [*map(_record, held.lines), *map(_alone, held.alone)]


def _alone(one: Alone) -> dict[str, Any]:
    task, scheduler, stack = one.names
    ids = {"cell": one.cell.cell_id if one.side == "run" else None,
           "baseline_cell": one.cell.cell_id if one.side == "baseline" else None}  # fmt: skip
    outcome = f"only in the {one.side}"
    return {**ids, "label": one.cell.label, "task": task, "scheduler": scheduler, "optimizations": stack,
            "outcome": outcome, "reason": f"only the {one.side} has it", "verdict": "not comparable"}  # fmt: skip


def _record(line: Line) -> dict[str, Any]:
    cell, (task, scheduler, stack), noise = line.cell, line.names, line.noise
    return {
        "cell": cell.run_id, "baseline_cell": cell.baseline_id, "label": cell.label, "task": task,
        "scheduler": scheduler, "optimizations": stack, "outcome": cell.outcome, "reason": cell.reason,
        "verdict": line.verdict, "verdict_pictures": verdict_of_pictures(cell), "verdict_costs": verdict_of_costs(cell),
        **_pictures(line), "noise_latency": noise.spread, "noise_visits": noise.visits,
        "noise_levels": noise.levels, "noise_reason": noise.reason,
        **{name: value for finding in cell.findings for name, value in _finding(finding).items()},
    }  # fmt: skip


def _pictures(line: Line) -> dict[str, Any]:
    seen = line.cell.pictures
    return {
        "rows": seen.rows if seen else None, "identical": seen.identical if seen else None,
        "different": seen.different if seen else None, "missing": seen.missing if seen else None,
        "largest_difference": seen.largest_difference if seen else None,
        "unread": seen.unread if seen else None,
        "rows_only_baseline": line.cell.rows_only_baseline, "rows_only_run": line.cell.rows_only_run,
    }  # fmt: skip


def _finding(finding: Finding) -> dict[str, Any]:
    bounds, metric = finding.interval, finding.metric
    return {
        f"{metric}_baseline": finding.baseline, f"{metric}_run": finding.run,
        f"{metric}_difference": finding.difference, f"{metric}_low": bounds.low if bounds else None,
        f"{metric}_high": bounds.high if bounds else None, f"{metric}_level": bounds.level if bounds else None,
        f"{metric}_margin": finding.margin, f"{metric}_n": finding.n, f"{metric}_unit": finding.unit,
        f"{metric}_p_adjusted": finding.p_adjusted, f"{metric}_verdict": finding.verdict,
        f"{metric}_reason": finding.reason, f"{metric}_n_to_settle": finding.n_to_settle,
    }  # fmt: skip

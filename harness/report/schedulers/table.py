"""The table of every cell of the sweep, as data: one record a cell, for CSV and JSON."""

from __future__ import annotations

from typing import Any

from harness.catalog.metrics import CONVERGED
from harness.report.schedulers.content import SchedulerContent
from harness.report.schedulers.sweep import Ground, Point
from harness.report.view import comparison_of, own_knobs, score_of


def records(content: SchedulerContent) -> list[dict[str, Any]]:
    """One flat record a cell, by ground, scheduler and steps; ``None`` is missing, with its reason beside it."""
    return [
        _record(content, ground, point)
        for ground in content.sweep.grounds
        for line in ground.lines
        for point in line.points
    ]


def _record(content: SchedulerContent, ground: Ground, point: Point) -> dict[str, Any]:
    cell = point.cell
    settings = {k: v for k, v in own_knobs(cell).items() if k not in ("model", "scheduler", "num_inference_steps")}
    fewest = {need.fewest.cell.cell_id for need in content.needs if need.fewest}
    starred = {tied.cell.cell_id for tied in content.advice_of(ground).tied}
    record: dict[str, Any] = {
        "cell": cell.cell_id, "model": ground.model, "scheduler": cell.settings.scheduler.label,
        "num_inference_steps": point.steps, **settings, "status": cell.status,
        "problem": cell.failure.reason if cell.failure else None, "standing": point.standing,
        "reference": point.reference.cell_id if point.reference else None, "model_calls": point.model_calls,
        "fewest_steps": cell.cell_id in fewest, "cheapest": cell.cell_id in starred, **_seconds(point),
    }  # fmt: skip
    for metric in content.sweep.metrics:
        record |= _metric(ground, point, metric)
    return record | (_distance(point) if content.distances else {})


def _seconds(point: Point) -> dict[str, Any]:
    timing = point.cell.timing
    bounds = timing.latency_interval if timing else None
    judged = comparison_of(point.cell, "latency")
    return {
        "seconds": timing.latency_s if timing else None,
        "seconds_low": bounds.low if bounds else None,
        "seconds_high": bounds.high if bounds else None,
        "seconds_reason": None if timing else point.cell.timing_reason or "not timed",
        "latency_verdict": judged.verdict if judged else None,
        "latency_reason": judged.reason if judged else None,
    }


def _metric(ground: Ground, point: Point, metric: str) -> dict[str, Any]:
    score, judged = score_of(point.cell, metric), comparison_of(point.cell, metric)
    found, bounds = point.differences.get(metric), score.interval if score else None
    timed, cell_id = point.seconds is not None, point.cell.cell_id
    record: dict[str, Any] = {
        "": score.value if score else None,
        "low": bounds.low if bounds else None, "high": bounds.high if bounds else None,
        "reason": (score.reason if score else "not scored yet") if score is None or score.value is None else None,
        "front_model_calls": cell_id in ground.on_front(metric, "model_calls"),
        "front_seconds": cell_id in ground.on_front(metric, "seconds") if timed else None,
        "difference": found.value if found else None, "difference_low_95": found.low if found else None,
        "difference_high_95": found.high if found else None, "n_prompts": found.n if found else None,
        "difference_reason": found.reason if found else None,
        "margin": judged.margin if judged else None, "verdict": judged.verdict if judged else None,
        "n_to_settle": judged.n_to_settle if judged else None,
    }  # fmt: skip
    return {f"{metric}_{key}".rstrip("_"): value for key, value in record.items()}


def _distance(point: Point) -> dict[str, Any]:
    score = score_of(point.cell, CONVERGED)
    bounds = score.interval if score else None
    return {
        CONVERGED: score.value if score else None,
        f"{CONVERGED}_low": bounds.low if bounds else None,
        f"{CONVERGED}_high": bounds.high if bounds else None,
        f"{CONVERGED}_n": score.n if score else None,
        f"{CONVERGED}_reason": score.reason if score else "not scored",
    }

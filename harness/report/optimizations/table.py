"""The audit's cells as data: one flat record a cell, for CSV and JSON; ``None`` is missing, its reason beside it."""

from __future__ import annotations

import statistics
from typing import Any

from harness.catalog.stacks import label_of_stack
from harness.report.optimizations.audit import Audit, Audited, Family
from harness.report.optimizations.costs import over_visits, untimed
from harness.report.optimizations.flags import flags
from harness.report.optimizations.picture_lines import change
from harness.report.optimizations.settled import speed_open
from harness.report.optimizations.verdicts import verdict
from harness.report.optimizations.wording import missing_words
from harness.report.view import RunView, comparison_of, own_knobs, quality_comparisons
from harness.stats.ratio import OverVisits
from harness.store.measured import peak_bytes, peak_kind


def records(audit: Audit) -> list[dict[str, Any]]:
    """One record a cell, family by family."""
    return [_record(audit.view, family, one) for family in audit.families for one in family.cells]


def _record(view: RunView, family: Family, one: Audited) -> dict[str, Any]:
    cell, settings = one.cell, one.cell.settings
    known = {k: v for k, v in own_knobs(cell).items() if k not in ("model", "task", "dtype", "optimizations")}
    return {
        "cell": cell.cell_id, "model": family.model, "task": settings.task, "dtype": settings.dtype,
        "optimizations": label_of_stack(settings.optimizations), **known, "status": cell.status,
        "problem": cell.failure.reason if cell.failure else None,
        "reference": one.reference.cell_id if one.reference else None, "verdict": verdict(one),
        "outcome": one.outcome, "flags": "; ".join(flags(one)) or None,
        **_times(one), **_memory(one), **_pictures(one), **_metrics(view, one),
    }  # fmt: skip


def _bounds(name: str, found: OverVisits | None) -> dict[str, Any]:
    return {
        name: found.value if found else None, f"{name}_low_95": found.low if found else None,
        f"{name}_high_95": found.high if found else None, f"{name}_visits": found.n if found else None,
        f"{name}_reason": found.reason if found else None,
    }  # fmt: skip


def _times(one: Audited) -> dict[str, Any]:
    timing, first = one.cell.timing, one.first
    stages = timing.stages if timing else None
    bounds = over_visits(one.cell) if timing else None
    judged = comparison_of(one.cell, "latency")
    return {
        "seconds": bounds.value if bounds else None, "seconds_low": bounds.low if bounds else None,
        "seconds_high": bounds.high if bounds else None, "seconds_reason": None if timing else untimed(one.cell),
        **_bounds("speed_up", one.speed), "latency_verdict": judged.verdict if judged else None,
        "first_call_s": first.seconds, "compile_s": first.compile_s, "first_call_reason": first.reason,
        "pays_after_images": first.pays_after,
        "pays_after_images_least": first.pays_between[0] if first.pays_between else None,
        "pays_after_images_most": first.pays_between[1] if first.pays_between else None,
        "pays_after_reason": "its speed is not settled" if first.pays_reason and speed_open(one) else first.pays_reason,
        "speed_not_settled": speed_open(one),
        "prior_s": stages.prior_s if stages else None,
        "step_s_median": statistics.median(stages.usual_steps_s) if stages and stages.steps_s else None,
        "step_s_mean": statistics.mean(stages.usual_steps_s) if stages and stages.steps_s else None,
        "decode_s": stages.decode_s if stages else None, "energy_j": timing.energy_j if timing else None,
        "energy_reason": timing.energy_reason if timing else None,
        "disturbances": "; ".join(timing.disturbances) if timing else None,
        "not_read": "; ".join(missing_words(timing)) or None if timing else None,
        "timing_failure": one.cell.timing_failure.kind if one.cell.timing_failure else None,
    }  # fmt: skip


def _memory(one: Audited) -> dict[str, Any]:
    cell, memory, saved = one.cell, one.cell.memory, one.memory
    judged = comparison_of(one.cell, "peak_memory")
    return {
        "peak_bytes": memory.peak_bytes if memory else None,
        "reserved_bytes": memory.reserved_bytes if memory else None,
        "used_bytes": memory.used_bytes if memory else None,
        "memory_kind": memory.kind if memory else None, "judged_bytes": peak_bytes(cell), "judged_by": peak_kind(cell),
        **_bounds("saved_bytes", saved.bytes if saved else None),
        **_bounds("saved_share", saved.share if saved else None), "memory_verdict": judged.verdict if judged else None,
    }  # fmt: skip


def _pictures(one: Audited) -> dict[str, Any]:
    look, drift = one.looks, one.divergence
    return {
        "pictures": look.sameness if look else None, "pictures_reason": look.reason if look else None,
        "pictures_n": look.n if look else None, "identical_share": look.identical_share if look else None,
        "largest_difference": look.largest if look else None, "psnr_db": look.psnr_db if look else None,
        **{f"feature_distance_{name}": value for name, value in (look.feature_distance.items() if look else ())},
        "saturated_share": look.saturated if look else None,
        "saturated_share_reference": look.saturated_reference if look else None,
        "clips": look.clips if look else None, "frechet_change": look.frechet_change if look else None,
        "frechet_reason": look.frechet_reason if look else None,
        "latents_last_step": drift.steps[-1] if drift and drift.steps else None,
        "latents_reason": drift.reason if drift else None,
    }  # fmt: skip


def _metrics(view: RunView, one: Audited) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for metric in dict.fromkeys([*(c.metric for c in quality_comparisons(one.cell)), "clip_score"]):
        moved, judged = change(view, one, metric), comparison_of(one.cell, metric)
        if moved is None:
            continue
        found |= {
            f"{metric}_change": moved.value, f"{metric}_change_low_95": moved.low,
            f"{metric}_change_high_95": moved.high, f"{metric}_n_prompts": moved.n,
            f"{metric}_reason": moved.reason, f"{metric}_margin": judged.margin if judged else None,
            f"{metric}_verdict": judged.verdict if judged else None,
        }  # fmt: skip
    return found

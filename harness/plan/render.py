"""A plan as text, and as JSON."""

from __future__ import annotations

from typing import Any

from harness.plan.forecast import calls_of
from harness.plan.types import Plan


def render_plan(plan: Plan) -> str:
    """What a person wants to know before spending anything."""
    parts = [_head(plan), _cells(plan), _refused(plan), _defaults(plan), _cost(plan)]
    return "\n\n".join(part for part in parts if part)


def _head(plan: Plan) -> str:
    models = [f"{m.name} (Kandinsky {m.version}: decoder {_place(m.decoder)}, prior {_place(m.prior)})"
              for m in plan.models.values()]  # fmt: skip
    prompts = len({row.prompt_id for row in plan.rows})
    lines = [f"{plan.name}: {plan.question}" if plan.question else plan.name, f"  {plan.task} on " + ", ".join(models)]
    lines.append(f"  {len(plan.cells)} cells × {len(plan.rows)} images ({prompts} prompts)")
    if plan.compare_to:
        reference = ", ".join(f"{k} {v}" for k, v in plan.compare_to.items())
        margins = ", ".join(f"{k} {v}" for k, v in plan.margins.items())
        lines.append(f"  compared with {reference}; margins: {margins}")
    return "\n".join(lines)


def _place(place: Any) -> str:
    revision = f"@{place.revision[:12]}" if place.revision else "" if place.kind != "hub" else "@latest"
    return f"{place.kind}:{place.where}{revision}"


def _cells(plan: Plan) -> str:
    width = max(len(cell.label) for cell in plan.cells)
    lines = ["cells"]
    for cell in plan.cells:
        role = "reference" if cell.is_reference else ""
        lines.append(f"  {cell.label:<{width}}  {calls_of(cell.settings):>4} model calls  {role}".rstrip())
    return "\n".join(lines)


def _refused(plan: Plan) -> str:
    if not plan.refused:
        return ""
    lines = [f"refused ({len(plan.refused)})"]
    for refusal in plan.refused:
        what = ", ".join(f"{knob} {value}" for knob, value in refusal.swept.items())
        lines.append(f"  {what}: {refusal.reason}")
    return "\n".join(lines)


def _defaults(plan: Plan) -> str:
    return "\n".join(["left to defaults", *(f"  {knob}: {value}" for knob, value in plan.resolved_defaults.items())])


def _cost(plan: Plan) -> str:
    cost = plan.forecast
    shared = [f"{stage.stage} {stage.distinct} of {stage.uses}" for stage in cost.stages if stage.distinct < stage.uses]
    lines = [
        "cost",
        f"  {cost.images} images, {cost.decoder_model_calls} decoder and {cost.prior_model_calls} prior calls",
        f"  {cost.loads} pipeline loads, about {cost.disk_bytes / 1e6:.1f} MB",
        f"  time: {'unknown' if cost.seconds is None else f'at most about {_duration(cost.seconds)}'}",
    ]
    if shared:
        lines.append("  shared: " + ", ".join(shared) + " are computed")
    return "\n".join([*lines, *(f"  {note}" for note in cost.notes)])


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def plan_json(plan: Plan) -> dict[str, Any]:
    """The whole plan, for machines."""
    return plan.model_dump(mode="json")

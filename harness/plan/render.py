"""A plan as text, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.catalog.metrics import METRICS
from harness.catalog.tasks import parts_of
from harness.catalog.types import Place
from harness.plan.forecast import calls_of
from harness.plan.types import Plan

_PLACES = {"package": "shipped with the harness, {}", "folder": "{}", "hub": "the hub's {}"}


def render_plan(plan: Plan) -> str:
    """What a person wants to know before spending anything."""
    parts = [_head(plan), _cells(plan), _refused(plan), _defaults(plan), _cost(plan), _notes(plan)]
    return "\n\n".join(part for part in parts if part)


def _head(plan: Plan) -> str:
    lines = [f"{plan.name}: {plan.question}" if plan.question else plan.name]
    for model in plan.models.values():
        tasks = dict.fromkeys(c.settings.task for c in plan.cells if c.settings.model == model.name)
        lines.append(f"  {', '.join(tasks)} with {model.name} (Kandinsky {model.version})")
        parts = dict.fromkeys(part for task in tasks for part in reversed(parts_of(model, task)))
        lines += [f"    {part}: {_place(model.parts[part])}" for part in parts]
    prompts = len({row.prompt_id for row in plan.rows})
    inputs = f", {_count(len(plan.assets), 'picture')} to start from" if plan.assets else ""
    counts = sorted({len(plan.rows_of(cell)) for cell in plan.cells})
    each = _count(counts[0], "image") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} images"
    lines.append(f"  {_count(len(plan.cells), 'cell')} × {each} ({_count(prompts, 'prompt')}{inputs})")
    lines.append("  scored by " + ", ".join(_metric(name, plan) for name in plan.metrics))
    if plan.compare_to:
        lines.append(f"  compared with {_pairs(plan.compare_to)}, all else equal")
        margins = ", ".join(_margin(name, margin) for name, margin in plan.margins.items())
        lines.append(f"  margins, within which a difference does not matter: {margins or 'none'}")
    return "\n".join(lines)


def _place(place: Place) -> str:
    text = _PLACES[place.kind].format(place.where)
    if place.kind != "hub":
        return text
    return f"{text} at {place.revision[:12] if place.revision else 'the newest revision'}"


def _metric(name: str, plan: Plan) -> str:
    """The metric with the weights that make its numbers."""
    uses = METRICS[name].uses
    weights = dict.fromkeys(model.weights_of(uses) for model in plan.models.values())
    told = ", ".join(one for one in weights if one and one != "pixels")
    return f"{name} ({told})" if told else name


def _margin(name: str, margin: float | str) -> str:
    if isinstance(margin, str) or name not in METRICS:
        return f"{name} {margin}"
    unit = METRICS[name].unit
    return f"{name} {margin:g}" + (f" {unit}" if unit != "share" else "")


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{knob} {value}" for knob, value in values.items())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _cells(plan: Plan) -> str:
    width = max(len(cell.label) for cell in plan.cells)
    lines = ["cells, and how often each calls the decoder for an image"]
    for cell in plan.cells:
        role = "reference" if cell.is_reference else ""
        lines.append(f"  {cell.label:<{width}}  {calls_of(cell.settings):>4}  {role}".rstrip())
    return "\n".join(lines)


def _refused(plan: Plan) -> str:
    """Each reason once, over the combinations that it takes."""
    if not plan.refused:
        return ""
    reasons: dict[str, list[str]] = {}
    for refusal in plan.refused:
        reasons.setdefault(refusal.reason, []).append(_pairs(refusal.swept))
    lines = [f"refused, and left out ({len(plan.refused)})"]
    for reason, combinations in reasons.items():
        lines += [f"  {reason}", *(f"    {combination}" for combination in combinations)]
    return "\n".join(lines)


def _defaults(plan: Plan) -> str:
    lines = [f"  {key}: {_value(value)}" for key, value in plan.resolved_defaults.items()]
    return "\n".join(["left to its default", *lines]) if lines else ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{one} ({model})" for model, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cost(plan: Plan) -> str:
    cost = plan.forecast
    prior = next(stage for stage in cost.stages if stage.stage == "prior")
    shared = (
        f"; {_count(prior.distinct, 'result')} of the prior serve all images" if prior.distinct < prior.uses else ""
    )
    time = "unknown" if cost.seconds is None else f"at most about {_duration(cost.seconds)}"
    lines = [
        "cost",
        f"  time: {time}",
        f"  disk: about {_size(cost.disk_bytes)}",
        f"  images: {cost.images:,}",
        f"  model calls: {cost.decoder_model_calls:,} of the decoder, {cost.prior_model_calls:,} of the prior{shared}",
        f"  loads of a pipeline: {cost.loads}",
    ]
    return "\n".join(lines)


def _notes(plan: Plan) -> str:
    return "\n".join(["notes", *(f"  {note}" for note in plan.forecast.notes)]) if plan.forecast.notes else ""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The whole plan, for machines."""
    return plan.model_dump(mode="json")

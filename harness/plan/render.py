"""A plan as text, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.catalog.metrics import CONVERGED, METRICS, counts_shares
from harness.catalog.own_metrics import PREFIX
from harness.catalog.tasks import parts_of
from harness.catalog.types import Place
from harness.plan.forecast import calls_of, decoder_calls_of, distinct_batches, images_of
from harness.plan.notes import alone
from harness.plan.select import UNAVAILABLE
from harness.plan.types import Plan, Refusal

_CALLS = 9  # letters of "100 calls"
_PLACES = {"package": "shipped with the harness, {}", "folder": "{}", "hub": "the hub's {}"}


def render_plan(plan: Plan) -> str:
    """What a person wants to know before spending anything."""
    parts = [_head(plan), _cells(plan), _converged(plan), _refused(plan), _defaults(plan), _cost(plan), _notes(plan)]
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
    counts = sorted({len(plan.rows_of(cell)) for cell in plan.scored_cells})
    each = _count(counts[0], "image") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} images"
    lines.append(f"  {_count(len(plan.scored_cells), 'cell')} × {each} ({_count(prompts, 'prompt')}{inputs})")
    if (only := alone(plan.scored_cells, len(plan.refused))) is not None:
        lines.append(f"  {only}")
    lines.append("  scored by " + ", ".join(_metric(name, plan) for name in plan.metrics))
    if plan.reference_set is not None:
        lines.append(f"  sets of pictures held against {plan.reference_set.label}")
    if (reference := _reference(plan)) is not None:
        lines.append(f"  compared with {reference}, all else equal")
        margins = ", ".join(_margin(name, margin) for name, margin in plan.margins.items())
        lines.append(f"  margins, within which a difference does not matter: {margins or 'none'}")
    return "\n".join(lines)


def _reference(plan: Plan) -> str | None:
    if plan.first_that_fits:
        return "the first cell of each family, in the order below, that does not fail (first-that-fits)"
    return _pairs(plan.compare_to) if plan.compare_to else None


def _place(place: Place) -> str:
    text = _PLACES[place.kind].format(place.where)
    if place.kind != "hub":
        return text
    return f"{text} at {place.revision[:12] if place.revision else 'the newest revision'}"


def _metric(name: str, plan: Plan) -> str:
    """The metric with the weights that make its numbers."""
    weights = dict.fromkeys(METRICS[name].made_with(model) for model in plan.models.values())
    told = ", ".join(one.removeprefix(PREFIX) for one in weights if one and one != "pixels")
    return f"{name} ({told})" if told else name


def _margin(name: str, margin: float | str) -> str:
    if isinstance(margin, str) or name not in METRICS:
        return f"{name} {margin}"
    return f"{name} {100 * margin:g} %-points" if counts_shares(name) else f"{name} {margin:g} {METRICS[name].unit}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{knob} {value}" for knob, value in values.items())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _cells(plan: Plan) -> str:
    width = max(len(cell.label) for cell in plan.scored_cells)
    schedulers = {cell.settings.scheduler.label for cell in plan.scored_cells}
    whose = f", all with {next(iter(schedulers))}" if len(schedulers) == 1 else ""  # no label names it then
    lines = [f"cells{whose}, and how often each calls the decoder for an image"]
    for cell in plan.scored_cells:
        role = ("tried first as the reference" if plan.first_that_fits else "reference") if cell.is_reference else ""
        calls = _count(calls_of(cell.settings), "call")
        lines.append(f"  {cell.label:<{width}}  {calls:>{_CALLS}}  {role}".rstrip())
    return "\n".join(lines)


def _converged(plan: Plan) -> str:
    """The converged solutions and what they add to the cost; the cells that have none, and why."""
    added = [cell for cell in plan.cells if cell.is_converged]
    lacking = [(cell.unconverged, cell.label) for cell in plan.scored_cells if cell.unconverged is not None]
    lines = []
    if added:
        width = max(len(cell.label) for cell in added)
        lines.append(f"converged solutions, made for {CONVERGED} alone: {_added(plan)}")
        lines += [
            f"  {cell.label:<{width}}  {calls_of(cell.settings):>4}  {_count(len(plan.rows_of(cell)), 'image')}"
            for cell in added
        ]
    if lacking:
        lines += [f"without a {CONVERGED} ({len(lacking)})", *_by_reason(lacking)]
    return "\n".join(lines)


def _added(plan: Plan) -> str:
    """What is made for the converged solutions and would not be made without them."""
    rows = {cell.id: plan.rows_of(cell) for cell in plan.cells}
    whole, without = (distinct_batches(cells, rows) for cells in (plan.cells, plan.scored_cells))
    cells = _count(sum(cell.is_converged for cell in plan.cells), "cell")
    images = _count(images_of(whole) - images_of(without), "image")
    return f"{cells}, {images} and {_count(decoder_calls_of(whole) - decoder_calls_of(without), 'model call')} more"


def _refused(plan: Plan) -> str:
    """What this machine lacks, apart from what is refused whatever the machine."""
    here = [one for one in plan.refused if one.reason.startswith(UNAVAILABLE)]
    nowhere = [one for one in plan.refused if one not in here]
    sections = [
        _left_out("unavailable on this machine, and left out", here),
        _left_out("refused, and left out", nowhere),
    ]
    return "\n\n".join(section for section in sections if section)


def _left_out(title: str, refused: Sequence[Refusal]) -> str:
    if not refused:
        return ""
    combinations = [(one.reason, _pairs(one.swept)) for one in refused]
    return "\n".join([f"{title} ({len(refused)})", *_by_reason(combinations)])


def _by_reason(combinations: Iterable[tuple[str, str]]) -> list[str]:
    """Each reason once, over the combinations that it takes."""
    reasons: dict[str, list[str]] = {}
    for reason, combination in combinations:
        reasons.setdefault(reason, []).append(combination)
    return [line for reason, taken in reasons.items() for line in (f"  {reason}", *(f"    {one}" for one in taken))]


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
    time = "unknown" if cost.seconds is None else f"about {_duration(cost.seconds)}, if nothing of it is stored"
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

"""From sweeps to choices: the product, the cases, what cannot exist, what is excluded, and the references."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.base import digest
from harness.catalog.optimizations import FAMILY
from harness.catalog.stacks import Situation, stack_refusal
from harness.catalog.tasks import TASKS, applies, default_api, defaults, task_refusal
from harness.catalog.types import Api, ModelRow, Task
from harness.plan.forecast import started, taken
from harness.plan.needs import needs_refusal, rows_for
from harness.plan.schedulers import Steps, scheduler_refusal
from harness.plan.types import InputRow, SchedulerChoice
from harness.spec.knobs import KNOBS, label_of
from harness.spec.types import ESTIMATE, Spec

Choice = dict[str, Any]  # knob → canonical value; every knob that the spec names anywhere but in `exclude`
Lack = Callable[[str], str | None]
Partial = Mapping[str, tuple[Any, ...]]
_LEAST_ON_21 = 0.002  # below, diffusers counts its timestep from the end of the noise schedule
UNAVAILABLE = "unavailable here"  # how a reason begins that another machine would not give
_MOST = 10_000  # combinations; a plan of more is a slip
_MOST_STEPS = 1000  # of a noise schedule
_FIRST_TASK: Task = next(iter(TASKS))


@dataclass
class Selection:
    """What a spec's knobs come to."""

    choices: list[Choice] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)  # identity of a choice → identity of its reference
    refused: list[tuple[Choice, str]] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)  # (dotted place, why) of parts that match nothing


def select(spec: Spec, lack: Lack = lambda _: None) -> Selection:
    """Every choice that can exist, references added, and those that cannot with their reasons.

    Args:
        spec: what is asked for.
        lack: optimization -> why this machine cannot have it, or ``None``.
    """
    found = Selection()
    asked = sum(math.prod(map(len, {**spec.sweeps, **case}.values())) for case in (spec.cases or ({},)))
    if asked > _MOST:
        found.unused.append(("", f"the sweeps make {asked:,} combinations; the most that a plan may have is {_MOST:,}"))
        return found
    wanted = _wanted(spec)
    found.unused += _idle_knobs(spec, wanted)
    for choice in _without_excluded(spec, wanted, found):
        reason = refusal(spec.models[choice["model"]], choice, spec.rows) or _unavailable(choice, lack)
        if reason is None:
            found.choices.append(choice)
        else:
            found.refused.append((choice, reason))
    if spec.compare_to is not None and found.choices:
        _add_references(spec, spec.compare_to, found, lack)
    elif spec.first_that_fits and found.choices:
        _first_of_families(spec, found)
    return found


def identity(choice: Choice) -> str:
    """A choice's identity inside a plan."""
    return digest({knob: str(label_of(knob, value)) for knob, value in choice.items()})


def value_of(spec: Spec, choice: Mapping[str, Any], knob: str) -> Any:
    """A choice's value of a knob, or what stands for it where neither the file nor the case names it.

    ``None``: its task or its model knows no such knob, whatever the file says.
    """
    return value_in(spec.models[choice["model"]], choice, knob)


def value_in(model: ModelRow, choice: Mapping[str, Any], knob: str) -> Any:
    """The same for a model's row."""
    task = choice.get("task", _FIRST_TASK)
    if not applies(knob, task, model.version):
        return None
    if knob in choice:
        return choice[knob]
    fixed = {
        "task": task,
        "api": default_api(model.version),
        "size": model.default_size,
        "dtype": model.default_dtype,
        "optimizations": (),
        "scheduler": SchedulerChoice(label="model default", class_name=None),
        "weights": None,  # each row's own
    }
    if knob in fixed:
        return fixed[knob]
    api = choice.get("api") or default_api(model.version)
    if task_refusal(model, task, api) is not None:
        return None
    value = defaults(task, model.version, api).get(knob)
    return float(value) if knob.endswith(("guidance_scale", "strength")) and value is not None else value


def _wanted(spec: Spec) -> list[Choice]:
    """The product of the sweeps, once for each case; each combination once."""
    choices = [choice for case in (spec.cases or ({},)) for choice in _product({**spec.sweeps, **case})]
    named = {knob for choice in choices for knob in choice} | set(spec.compare_to or {})
    full = [_full(spec, choice, named) for choice in choices]
    return list({identity(choice): choice for choice in full}.values())


def _full(spec: Spec, choice: Choice, named: Collection[str]) -> Choice:
    """A choice with all the knobs that are named somewhere; what does not apply to it is ``None``, so that a sweep of
    it makes one combination only."""
    return {knob: value_of(spec, choice, knob) for knob in KNOBS if knob in named}


def _idle_knobs(spec: Spec, choices: list[Choice]) -> list[tuple[str, str]]:
    """Knobs that the file names and that none of its tasks and models knows."""
    return [
        (knob, f"no task and model of this spec takes {knob}")
        for knob in spec.sweeps
        if choices and all(choice.get(knob) is None for choice in choices)
        and not any(applies(knob, choice.get("task") or _FIRST_TASK, spec.models[choice["model"]].version)
                    for choice in choices)
    ]  # fmt: skip


def _product(sweeps: Partial) -> list[Choice]:
    ordered = {knob: sweeps[knob] for knob in KNOBS if knob in sweeps}
    return [dict(zip(ordered, values, strict=True)) for values in itertools.product(*ordered.values())]


def _without_excluded(spec: Spec, choices: list[Choice], found: Selection) -> list[Choice]:
    kept = [choice for choice in choices if not any(matches(spec, choice, part) for part in spec.exclude)]
    for i, part in enumerate(spec.exclude):
        if not any(matches(spec, choice, part) for choice in choices):
            found.unused.append((f"exclude[{i}]", "this excludes nothing: no combination matches it"))
    for place in dict.fromkeys(spec.case_places):
        cases = [case for case, of in zip(spec.cases, spec.case_places, strict=True) if of == place]
        if kept and not any(matches(spec, choice, {**spec.sweeps, **case}) for choice in kept for case in cases):
            found.unused.append((place, "nothing is left of this case: `exclude` takes all of it"))
    if choices and not kept:
        found.unused.append(("exclude", "this excludes every combination"))
    return kept


def matches(spec: Spec, choice: Choice, partial: Partial) -> bool:
    """Whether a choice has one of the partial's values for each of its knobs, named or not."""
    return all(value_of(spec, choice, knob) in values for knob, values in partial.items())


def refusal(model: ModelRow, choice: Choice, rows: Sequence[InputRow] = ()) -> str | None:
    """Why a combination cannot exist with these rows, or ``None``."""
    found = why_not(model, choice, rows)
    return None if found is None else found[1]


def why_not(model: ModelRow, choice: Choice, rows: Sequence[InputRow] = ()) -> tuple[str, str] | None:
    """The same, after the key of the spec whose value it is about."""
    task, api = (value_in(model, choice, knob) for knob in ("task", "api"))
    reason = task_refusal(model, task, api)
    if reason is not None:
        return "task", reason
    reasons = {
        "size": _size_refusal(model, task, *choice.get("size", model.default_size)),
        "optimizations": _stack_refusal(model, choice),
        "scheduler": scheduler_refusal(model, TASKS[task].part, choice.get("scheduler"), _steps(model, choice)),
        "strength": _strength_refusal(model, choice, "strength", "num_inference_steps"),
        "prior_strength": _strength_refusal(model, choice, "prior_strength", "prior_num_inference_steps"),
        "inputs": needs_refusal(rows, task, api, choice.get("weights"))
        or _estimator_refusal(model, rows_for(rows, task, api), task),
    }
    return next(((key, reason) for key, reason in reasons.items() if reason is not None), None)


def _size_refusal(model: ModelRow, task: Task, height: int, width: int) -> str | None:
    least = model.size_multiple
    if height % least or width % least:
        told = f"{model.name} makes sizes that are multiples of {least}, not {width}x{height}"
        return f"{told}: such as {least} or {2 * least}"
    if (model.version, task) == ("2.1", "image-to-image") and height != width:
        return "2.1's image-to-image makes square pictures only: diffusers turns its source by a right angle"
    return None


def _stack_refusal(model: ModelRow, choice: Choice) -> str | None:
    api: Api = value_in(model, choice, "api")
    at = Situation(model.version, api, "prior" in model.parts)
    return stack_refusal(value_in(model, choice, "optimizations"), at)


def _unavailable(choice: Choice, lack: Lack) -> str | None:
    reasons = [reason for one in choice.get("optimizations") or () if (reason := lack(one.name)) is not None]
    return f"{UNAVAILABLE}, because {reasons[0]}" if reasons else None


def _estimator_refusal(model: ModelRow, rows: Sequence[InputRow], task: Task) -> str | None:
    if "hint" not in TASKS[task].inputs or model.depth is not None or all(row.hint != ESTIMATE for row in rows):
        return None
    return f"{model.name} names no depth estimator: give each row a hint from a file"


def _steps(model: ModelRow, choice: Choice) -> Steps:
    asked, strength = (value_in(model, choice, knob) for knob in ("num_inference_steps", "strength"))
    return Steps(asked, taken(asked, strength))


def _strength_refusal(model: ModelRow, choice: Choice, knob: str, of: str) -> str | None:
    """A start so late that no step is left: diffusers would fail, or give the picture back."""
    strength, steps = (value_in(model, choice, name) for name in (knob, of))
    if strength is None:
        return None
    if started(steps, strength) < 1:
        noun = f"{'prior ' if of.startswith('prior') else ''}step{'' if steps == 1 else 's'}"
        return f"{knob} {strength:g} of {steps} {noun} leaves none to denoise: it needs {_enough(steps, strength)}"
    if knob == "strength" and model.version == "2.1" and strength < _LEAST_ON_21:
        return f"strength {strength:g} is too small for 2.1, which noises at timestep 1000 × strength - 2"
    return None


def _enough(steps: int, strength: float) -> str:
    """The least strength of so many steps, and the fewest steps of such a strength, that leave one."""
    least = math.ceil(1000 / steps) / 1000
    fewest = next((count for count in range(steps, _MOST_STEPS + 1) if started(count, strength) >= 1), None)
    return f"a strength of at least {least:g}" + (f", or at least {fewest} steps" if fewest is not None else "")


def _add_references(spec: Spec, compare_to: dict[str, Any], found: Selection, lack: Lack) -> None:
    """Each choice's reference: itself with ``compare_to``'s values, made too where it is not asked for."""
    known = {identity(choice): choice for choice in found.choices}
    lost: dict[str, None] = {}
    for choice in list(found.choices):
        reference = _full(spec, {**choice, **compare_to}, {**choice, **compare_to})
        mark = identity(reference)
        if mark not in known:
            why = _unfit(spec, reference, lack)
            if why is not None:
                lost[why] = None
                continue
            known[mark] = reference
            found.choices.append(reference)
        if mark != identity(choice):
            found.references[identity(choice)] = mark
    found.unused += [("compare_to", why) for why in lost]
    if not lost and not found.references:
        found.unused.append(("compare_to", "every cell is its own reference: nothing would be compared"))


def _first_of_families(spec: Spec, found: Selection) -> None:
    """Each choice is held against the first that differs from it in optimizations and dtype only."""
    families: dict[str, list[str]] = {}
    for choice in found.choices:
        rest = {knob: value for knob, value in choice.items() if knob not in FAMILY}
        families.setdefault(identity(rest), []).append(identity(choice))
    for first, *others in families.values():
        found.references |= dict.fromkeys(others, first)
    if not found.references:
        found.unused.append(("compare_to", "no two cells differ in optimizations or dtype only: there is no family"))


def _unfit(spec: Spec, reference: Choice, lack: Lack) -> str | None:
    if any(matches(spec, reference, part) for part in spec.exclude):
        return "the reference is excluded"
    reason = refusal(spec.models[reference["model"]], reference, spec.rows) or _unavailable(reference, lack)
    return None if reason is None else f"the reference cannot exist: {reason}"

"""From sweeps to cells: the product, the cases, what cannot exist, what is excluded, and the references."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from harness.base import digest
from harness.catalog.models import MODELS
from harness.catalog.schedulers import schedulers
from harness.catalog.tasks import TASKS, defaults
from harness.catalog.types import ModelRow
from harness.plan.types import Cell, LoadGroup, Refusal, SchedulerChoice, Settings
from harness.spec.knobs import KNOBS, label_of
from harness.spec.types import Spec

Choice = dict[str, Any]  # knob → canonical value; every knob of the spec's sweeps
_SWEPT_LABEL = {
    "num_inference_steps": "{} steps",
    "guidance_scale": "guidance {}",
    "prior_guidance_scale": "prior guidance {}",
    "prior_num_inference_steps": "{} prior steps",
    "size": "{} px",
}
_TRAIN_STEPS = 1000


@dataclass
class Selection:
    """What a spec's knobs come to."""

    choices: list[Choice] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)  # identity of a choice → identity of its reference
    refused: list[tuple[Choice, str]] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)  # (dotted place, why) of parts that match nothing


def select(spec: Spec) -> Selection:
    """Every choice that can exist, references added, and those that cannot with their reasons."""
    found = Selection()
    wanted = _unique(_products(spec))
    kept = _without_excluded(spec, wanted, found)
    possible = [choice for choice in kept if not _refuse(spec, choice, found)]
    found.choices = possible
    if spec.compare_to is not None:
        _add_references(spec, found)
    return found


def identity(choice: Choice) -> str:
    """A choice's identity inside a plan."""
    return digest({knob: str(label_of(knob, value)) for knob, value in choice.items()})


def _products(spec: Spec) -> list[Choice]:
    cases: tuple[dict[str, tuple[Any, ...]], ...] = spec.cases or ({},)
    choices = []
    for case in cases:
        sweeps = {**spec.sweeps, **case}
        choices += [dict(zip(sweeps, values, strict=True)) for values in itertools.product(*sweeps.values())]
    knobs = {knob for choice in choices for knob in choice} | set(spec.compare_to or {})
    return [{knob: value_of(spec, choice, knob) for knob in KNOBS if knob in knobs} for choice in choices]


def _unique(choices: list[Choice]) -> list[Choice]:
    return list({identity(choice): choice for choice in choices}.values())


def value_of(spec: Spec, choice: Choice, knob: str) -> Any:
    """A choice's value of a knob, or what stands for it where neither the file nor the case names it."""
    if knob in choice:
        return choice[knob]
    model = spec.models[choice["model"]]
    if knob == "size":
        return model.default_size
    fixed = {
        "task": spec.task,
        "dtype": model.default_dtype,
        "optimizations": (),
        "scheduler": SchedulerChoice(label="model default", class_name=None),
    }
    if knob in fixed:
        return fixed[knob]
    value = defaults(model.version)[knob]
    return float(value) if knob.endswith("guidance_scale") else value


def _without_excluded(spec: Spec, choices: list[Choice], found: Selection) -> list[Choice]:
    kept = choices
    for i, partial in enumerate(spec.exclude):
        if not any(_matches(choice, partial) for choice in choices):
            found.unused.append((f"exclude[{i}]", "this excludes nothing: no combination matches it"))
        kept = [choice for choice in kept if not _matches(choice, partial)]
    if choices and not kept:
        found.unused.append(("exclude", "this excludes every combination"))
    return kept


def _matches(choice: Choice, partial: dict[str, tuple[Any, ...]]) -> bool:
    return all(choice.get(knob) in values for knob, values in partial.items())


def _refuse(spec: Spec, choice: Choice, found: Selection) -> bool:
    reason = refusal(spec.models[choice["model"]], choice)
    if reason is not None:
        found.refused.append((choice, reason))
    return reason is not None


def refusal(model: ModelRow, choice: Choice) -> str | None:
    """Why a combination cannot exist, or ``None``."""
    task = choice.get("task")
    if task is not None and model.version not in TASKS[task]:
        return f"Kandinsky {model.version} has no {task}"
    height, width = choice.get("size", model.default_size)
    if height % model.size_multiple or width % model.size_multiple:
        return f"{model.name} makes sizes that are multiples of {model.size_multiple}, not {width}x{height}"
    scheduler = choice.get("scheduler")
    if scheduler is None or scheduler.class_name is None:
        return None
    row = schedulers()[scheduler.class_name.removesuffix("Scheduler")]
    if row.verdict == "refused":
        return f"{row.class_name}: {row.reason}"
    train_steps = scheduler.config.get("num_train_timesteps", _TRAIN_STEPS)
    steps = choice.get("num_inference_steps")
    if steps is not None and isinstance(train_steps, int) and steps > train_steps:
        return f"{steps} steps are more than the {train_steps} that the model was trained with"
    return None


def _add_references(spec: Spec, found: Selection) -> None:
    assert spec.compare_to is not None
    known = {identity(choice): choice for choice in found.choices}
    for choice in list(found.choices):
        reference = {**choice, **spec.compare_to}
        mark = identity(reference)
        if mark not in known:
            if _matches_any(reference, spec.exclude) or refusal(spec.models[reference["model"]], reference):
                found.unused.append(("compare_to", "the reference is itself excluded or cannot exist"))
                return
            known[mark] = reference
            found.choices.append(reference)
        if mark != identity(choice):
            found.references[identity(choice)] = mark


def _matches_any(choice: Choice, partials: tuple[dict[str, tuple[Any, ...]], ...]) -> bool:
    return any(_matches(choice, partial) for partial in partials)


def swept_knobs(choices: list[Choice]) -> list[str]:
    """The knobs that differ among the choices, in the vocabulary's order."""
    return [knob for knob in KNOBS if len({str(label_of(knob, c[knob])) for c in choices if knob in c}) > 1]


def build_cells(spec: Spec, found: Selection) -> list[Cell]:
    """Cells from choices: resolved, labelled, grouped by what must be loaded."""
    swept = swept_knobs(found.choices) or ["model"]
    ids = {identity(choice): _cell_id(resolve(spec, choice), choice, swept) for choice in found.choices}
    heads = set(found.references.values())
    cells = []
    for choice in found.choices:
        mark, settings = identity(choice), resolve(spec, choice)
        cells.append(
            Cell(
                id=ids[mark],
                label=_label(choice, swept),
                settings=settings,
                swept={knob: label_of(knob, choice[knob]) for knob in swept},
                group=group_id(settings),
                reference=ids.get(found.references.get(mark, "")),
                is_reference=mark in heads,
            )
        )
    return cells


def resolve(spec: Spec, choice: Choice) -> Settings:
    """Every knob of a choice, nothing left to a library's default."""
    full = {knob: value_of(spec, choice, knob) for knob in KNOBS if knob != "model"}
    height, width = full.pop("size")
    model = spec.models[choice["model"]]
    batch = spec.batch_size or (16 if model.scorer == MODELS["mini-2.2"].scorer else 4)
    return Settings(model=choice["model"], height=height, width=width, batch_size=batch, **full)


def _cell_id(settings: Settings, choice: Choice, swept: list[str]) -> str:
    slug = "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", str(label_of(knob, choice[knob]))).strip("-.") for knob in swept)
    return f"{slug[:60]}-{digest(settings.model_dump(mode='json'))[:6]}"


def _label(choice: Choice, swept: list[str]) -> str:
    parts = [_SWEPT_LABEL.get(knob, "{}").format(label_of(knob, choice[knob])) for knob in swept]
    return " · ".join(parts)


def group_id(settings: Settings) -> str:
    """The id of what must be loaded for a cell."""
    loaded = [settings.model, settings.dtype, list(settings.optimizations)]
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', settings.model).strip('-.')[:40]}-{settings.dtype}-{digest(loaded)[:6]}"


def groups_of(cells: list[Cell]) -> tuple[LoadGroup, ...]:
    """Load groups in the order of their first cells."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.group, []).append(cell)
    return tuple(
        LoadGroup(
            id=name,
            model=members[0].settings.model,
            dtype=members[0].settings.dtype,
            optimizations=members[0].settings.optimizations,
            cells=tuple(cell.id for cell in members),
        )
        for name, members in found.items()
    )


def refusals_of(found: Selection) -> tuple[Refusal, ...]:
    """What is refused, by the knobs that differ among everything that was asked for."""
    swept = swept_knobs([*found.choices, *(choice for choice, _ in found.refused)]) or ["model"]
    return tuple(
        Refusal(swept={knob: label_of(knob, choice[knob]) for knob in swept}, reason=reason)
        for choice, reason in found.refused
    )

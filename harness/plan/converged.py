"""Each scheduler's converged solution: the same rows at ever more steps, so that cells can be held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.base import digest
from harness.catalog.own_schedulers import own_config
from harness.catalog.schedulers import is_stochastic, scheduler_row
from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow
from harness.plan.cells import label_from
from harness.plan.needs import rows_for
from harness.plan.select import refusal
from harness.plan.types import Cell, Settings
from harness.spec.knobs import KNOBS
from harness.spec.types import ConvergedPlan, InputRow

_STEPS = "num_inference_steps"
_STOCHASTIC = "stochastic: every number of steps draws other noise, so that a seed has no converged picture"
_UNKNOWN = "the model's own scheduler is known only when it is loaded: name the scheduler to hold it against its own"


def with_converged(
    cells: Sequence[Cell], wanted: ConvergedPlan, models: Mapping[str, ModelRow], rows: Sequence[InputRow]
) -> tuple[list[Cell], tuple[str, ...]]:
    """The cells, each with its converged solution or why it has none, and those solutions after them; with notes.

    Args:
        cells: those that are scored.
        wanted: at how many steps, and how many rows of it.
        models: the cells' by name.
        rows: all of the spec's.
    """
    given: list[Cell] = []
    added: dict[str, Cell] = {}
    for cell in cells:
        settings = cell.settings.model_copy(update={_STEPS: wanted.num_inference_steps})
        why = _why_not(cell.settings, settings, models[settings.model], rows)
        if why is not None:
            given.append(cell.model_copy(update={"unconverged": why}))
            continue
        solution = _solution(cell, settings, wanted.first)
        added.setdefault(solution.id, solution)
        given.append(cell.model_copy(update={"converged": solution.id}))
    return [*given, *added.values()], _notes(list(added.values()), wanted.first, rows)


def _why_not(given: Settings, converged: Settings, model: ModelRow, rows: Sequence[InputRow]) -> str | None:
    """Why a cell has no converged solution to be held against, or ``None``."""
    most = converged.num_inference_steps
    stochastic = _is_stochastic(given, model)
    if stochastic is None:
        return _UNKNOWN
    if stochastic:
        return _STOCHASTIC
    if given.num_inference_steps >= most:
        return f"{given.num_inference_steps} steps are no fewer than the {most} of its converged solution"
    reason = refusal(model, _choice(converged), rows)
    return None if reason is None else f"its converged solution cannot be made: {reason}"


def _is_stochastic(settings: Settings, model: ModelRow) -> bool | None:
    """Whether the steps draw noise; ``None`` where the model's own scheduler is not known before it is loaded."""
    part, choice = TASKS[settings.task].part, settings.scheduler
    name = choice.class_name or model.default_schedulers.get(part)
    if name is None:
        return None
    base, takes = own_config(model.parts[part], choice.subfolder or "scheduler") or {}, scheduler_row(name).parameters
    kept = {key: value for key, value in base.items() if key in takes}  # the others are dropped
    return is_stochastic(name, {**kept, **choice.config}, choice.step)


def _choice(settings: Settings) -> dict[str, Any]:
    """The knobs of settings, as combinations are judged by."""
    size = (settings.height, settings.width)
    return {knob: size if knob == "size" else getattr(settings, knob) for knob in KNOBS}


def _solution(cell: Cell, settings: Settings, first: int | None) -> Cell:
    """The cell that is made of the same knobs at ever more steps: one for all numbers of steps that there are."""
    steps = settings.num_inference_steps
    told = {knob: value for knob, value in cell.swept.items() if knob != _STEPS} or {"model": settings.model}
    return Cell(
        id=f"converged-{steps}-{digest(settings.model_dump(mode='json'))[:12]}",
        label=f"{label_from(told)} · converged, {steps} steps",
        settings=settings,
        swept={knob: steps if knob == _STEPS else value for knob, value in cell.swept.items()},
        group=cell.group,
        reference=None,
        is_reference=False,
        is_converged=True,
        first=whole_batches(first, settings.batch_size),
    )


def whole_batches(first: int | None, batch_size: int) -> int | None:
    """``first`` rounded up to whole batches: a batch decides its pictures' last bits, and shares its prior's result."""
    return None if first is None else -(-first // batch_size) * batch_size


def _notes(added: Sequence[Cell], first: int | None, rows: Sequence[InputRow]) -> tuple[str, ...]:
    cut = [c for c in added if first is not None and len(rows_for(rows, c.settings.task, c.settings.api)) > first]
    rounded = {cell.first: cell.settings.batch_size for cell in cut if cell.first != first}
    return tuple(
        f"converged.first is {more} instead of {first}: whole batches of {size}, so that each picture is made in the "
        "same company as those that are held against it"
        for more, size in rounded.items()
    )

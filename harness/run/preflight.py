"""What the cells of a plan will take, held against a memory. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.catalog.devices import DEVICES
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.stacks import Situation, Stack, label_of_stack, stack_refusal
from harness.catalog.tasks import parts_of
from harness.catalog.types import ModelRow, Place
from harness.pipelines.places import local_folder
from harness.plan.fits import Can, Fit, by_its_knobs, case_key, fit, needs_a_way, variants
from harness.plan.footprint import Case
from harness.plan.forecast import calls_of
from harness.plan.preflight import Group, Preflight
from harness.plan.types import Cell, Plan, Settings
from harness.run.estimates import Estimates, Tell
from harness.run.wanted import snapshot_of


def asked_for(device: str | None, memory: int | None) -> tuple[str | None, int | None, str | None]:
    """A plan's kind of device, the memory to hold it against, and the name of the device that has it.

    ``device``: a kind, or a device of the catalog; a memory that is given as well takes the place of that device's.
    """
    row = DEVICES.get(device or "")
    if row is None:
        return device, memory, None
    return "cuda", row.memory_bytes if memory is None else memory, row.name if memory is None else None


def preflight(plan: Plan, memory_bytes: int, device: str | None, tell: Tell) -> Preflight:
    """Hold each kind of cell against ``memory_bytes``; ``device``: the catalog's name of what has it, or ``None``.

    Raises:
        MissingError: the subprocess could not work at all; a model that cannot be estimated is a row with its reason.
    """
    estimates = Estimates(tell)
    grouped = _grouped(plan)
    estimates.ask(case for case, _, _ in grouped)
    tried = [case for case, stack, _ in grouped if needs_a_way(case, stack, memory_bytes, estimates.look)]
    estimates.ask(one for case in tried for one in variants(case))
    gpu = plan.device not in ("cpu", "mps")  # the catalog's offloads are CUDA's
    fits = [
        fit(case, stack, memory_bytes, estimates.look, gpu=gpu, can=_takes(plan, cells[0]))
        for case, stack, cells in grouped
    ]
    groups = tuple(_group(plan, *group, one) for group, one in zip(grouped, fits, strict=True))
    return Preflight(memory_bytes=memory_bytes, device=device, groups=groups)


def _takes(plan: Plan, cell: Cell) -> Can:
    """Whether a plan would take a cell with a stack of these, put in order."""
    settings, model = cell.settings, plan.models[cell.settings.model]
    at = Situation(model.version, settings.api, "prior" in model.parts)

    def can(stack: Stack) -> bool:
        return stack_refusal(sorted(stack, key=lambda one: OPTIMIZATIONS[one.name].rank), at) is None

    return can


def _group(plan: Plan, case: Case, stack: Stack, cells: Sequence[Cell], found: Fit) -> Group:
    flops = {cell.id: _image_flops(cell.settings, found) for cell in cells}
    made, timed = (max(rows(plan, cell) for cell in cells) for rows in (_made_together, _timed_together))
    return Group(model=cells[0].settings.model, case=case, stack=stack, image_flops=flops,
                 fit=by_its_knobs(found, made, timed), made_together=made if timed > made else None)  # fmt: skip


def _image_flops(settings: Settings, found: Fit) -> int | None:
    if found.footprint is None:
        return None
    return found.footprint.image_flops(settings.prior_num_inference_steps or 0, calls_of(settings))


def _grouped(plan: Plan) -> list[tuple[Case, Stack, list[Cell]]]:
    """The plan's cells by what decides on their memory, and whether that is how they are timed, in the plan's order."""
    found: dict[str, tuple[Case, Stack, list[Cell]]] = {}
    for cell in plan.cells:
        case, stack = case_of(plan, cell), cell.settings.optimizations
        made = _made_together(plan, cell)
        apart = f"made by {made}" if made < case.batch else ""
        mark = f"{cell.settings.model} {case_key(case)} {label_of_stack(stack)} {apart}"
        found.setdefault(mark, (case, stack, []))[2].append(cell)
    return list(found.values())


def case_of(plan: Plan, cell: Cell) -> Case:
    """What decides on a cell's memory and on the work of its calls."""
    settings, model = cell.settings, plan.models[cell.settings.model]
    return Case(
        version=model.version,
        task=settings.task,
        api=settings.api,
        parts={part: _where(model, part) for part in parts_of(model, settings.task)},
        dtype=settings.dtype,
        height=settings.height,
        width=settings.width,
        batch=max(_made_together(plan, cell), _timed_together(plan, cell)),
        guided=settings.guidance_scale > 1,
        prior_guided=(settings.prior_guidance_scale or 0) > 1,
        negative=any(row.negative_prompt is not None for row in plan.rows_of(cell)),
    )


def _made_together(plan: Plan, cell: Cell) -> int:
    """Rows that a cell makes together: no more than it has, and one at a time where the pipeline is a combined one."""
    settings = cell.settings
    return 1 if settings.api == "combined" else min(settings.batch_size, len(plan.rows_of(cell)))


def _timed_together(plan: Plan, cell: Cell) -> int:
    """Rows of a timed call, which takes them whatever ``batch_size`` says; 0 where the cell is not timed."""
    if not plan.timing.enabled or cell.is_converged:
        return 0
    return 1 if cell.settings.api == "combined" else min(plan.timing.batch, len(plan.rows_of(cell)))


def _where(model: ModelRow, part: str) -> str:
    """The folder with a part's configurations: its own, or the hub's cache; else the repository's name."""
    place = next(place for name, place in model.parts.items() if name == part)
    folder = local_folder(place) or _snapshot(place)
    return f"hub:{place.where}" if folder is None else str(folder)


def _snapshot(place: Place) -> Path | None:
    """A cached repository, if its configurations are there: weights are not asked for."""
    folder = snapshot_of(place)
    return folder if folder is not None and any(folder.glob("*/config.json")) else None

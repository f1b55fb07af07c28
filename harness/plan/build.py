"""`Spec` → `Plan`: what would be made, what is refused, what it costs. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from harness.base import digest
from harness.catalog.metrics import DEFAULT_MARGINS, MEASURES, METRICS
from harness.catalog.tasks import TASKS
from harness.errors import Problem, SpecError
from harness.plan.cells import build_cells, groups_of, refusals_of, resolve
from harness.plan.converged import with_converged
from harness.plan.defaults import resolved_defaults
from harness.plan.forecast import Pace, forecast
from harness.plan.needs import assets_of, rows_for
from harness.plan.notes import notes_on, unheld
from harness.plan.only import keep_only
from harness.plan.places import misspelt_folders, place_of_refused
from harness.plan.reference_sets import Count, faults_of_set, idle_set, of_the_spec_alone, with_looks
from harness.plan.select import Selection, select
from harness.plan.types import Asset, Cell, InputRow, Plan, Settings
from harness.spec.knobs import label_of
from harness.spec.load import leaves_knobs_alone, read_spec
from harness.spec.measuring import OFF
from harness.spec.types import Spec

Lack = Callable[[str, str], str | None]


def nothing_lacks(_: str, __: str) -> str | None:
    """A machine that has everything."""
    return None


def plan_file(
    reference: str,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    limit: int | None = None,
    device: str | None = None,
    paces: Sequence[Pace] = (),
    fetch: bool = False,
    lack: Lack = nothing_lacks,
    count: Count = of_the_spec_alone,
) -> Plan:
    """Read and resolve a spec; what planning finds wrong is reported together with what reading did.

    Args:
        reference: a path, or a shipped spec's name.
        only: as for :func:`build_plan`, and so the rest.
        fetch: bring pictures that stand in the web.

    Raises:
        MissingError: there is no such file.
        SpecError: everything that is wrong with it.
        UsageError: as :func:`build_plan`.
    """
    spec, problems = read_spec(reference, fetch=fetch)
    if problems:
        judged = (
            faults_of(spec, select(spec, partial(lack, device or spec.device)), count)
            if all(map(leaves_knobs_alone, problems))
            else []
        )
        raise SpecError(sorted([*problems, *judged], key=lambda problem: problem.line or 0))
    return build_plan(spec, only=only, limit=limit, device=device, paces=paces, lack=lack, count=count)


def build_plan(
    spec: Spec,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    limit: int | None = None,
    device: str | None = None,
    paces: Sequence[Pace] = (),
    lack: Lack = nothing_lacks,
    count: Count = of_the_spec_alone,
) -> Plan:
    """Resolve a spec.

    Args:
        spec: a checked spec.
        only: knob → values; cells with other values are left out, except the references of those that stay.
        limit: the first so many rows only.
        device: instead of the spec's.
        paces: what was measured before, for the forecast of seconds.
        lack: of the device asked for, and an optimization: why this machine cannot have it.
        count: of a reference set: how many pictures a worker would look at, or why a run would refuse it.

    Raises:
        SpecError: no cell is left, a part of the spec matches nothing, or something is refused under ``strict``.
        UsageError: ``only`` names no knob, or values that no cell has.
    """
    found = select(spec, partial(lack, device or spec.device))
    problems = faults_of(spec, found, count)
    if problems:
        raise SpecError(problems)
    cells, notes = _cells(spec, found, only or {})
    plan = _plan_of(spec, found, cells, notes, limit, paces)
    settings = [cell.settings for cell in plan.scored_cells]
    looks = with_looks(plan.forecast, spec, settings, plan.metrics, count)
    plan = plan.model_copy(update={"forecast": looks})
    plan = plan.model_copy(update={"device": device or spec.device})
    return plan.model_copy(update={"spec_digest": _meaning(plan)})


def _plan_of(
    spec: Spec,
    found: Selection,
    cells: list[Cell],
    notes: tuple[str, ...],
    limit: int | None,
    paces: Sequence[Pace],
) -> Plan:
    """Everything that follows from the cells; the digest is still to come."""
    scored = [cell for cell in cells if not cell.is_converged]
    by_cell = {
        cell.id: rows_for(spec.rows, cell.settings.task, cell.settings.api)[:limit][: cell.first] for cell in cells
    }
    used = {row.id for rows in by_cell.values() for row in rows}
    rows = tuple(row for row in spec.rows if row.id in used)
    fewest = min(len(by_cell[cell.id]) for cell in scored)
    models = {name: row for name, row in spec.models.items() if any(c.settings.model == name for c in cells)}
    metrics = _metrics(spec, [cell.settings for cell in scored])
    compared = spec.compare_to is not None or spec.first_that_fits
    margins = _margins(spec, metrics, compared=compared)
    timing = spec.timing.model_copy(update={"batch": min(spec.timing.batch, fewest)})
    groups = groups_of(cells)
    known = notes_on(scored, models, rows, fewest, spec.timing)
    alone = (_FOR_OTHERS,) if spec.margins and not compared else ()
    told = (*notes, *spec.notes, *known, *alone, *unheld(scored, compared=compared), *idle_set(spec, metrics))
    return Plan(
        name=spec.name,
        question=spec.question,
        spec_path=spec.path,
        spec_text=spec.text,
        spec_digest="",
        models=models,
        assets=_assets(spec, cells, by_cell),
        rows=rows,
        limit=limit,
        notes=told,
        cells=tuple(cells),
        groups=groups,
        refused=refusals_of(found),
        first_that_fits=spec.first_that_fits,
        compare_to={knob: label_of(knob, value) for knob, value in (spec.compare_to or {}).items()} or None,
        margins=margins,
        metrics=metrics,
        weights={row.name: row for row in spec.scorers.values()},
        reference_set=spec.reference_set,
        timing=timing,
        cell_timeout_s=spec.cell_timeout_s,
        device=spec.device,
        threads=spec.threads,
        resolved_defaults=resolved_defaults(spec, scored, metrics, margins),
        forecast=forecast(cells, groups, by_cell, metrics, timing, paces, told),
    )


def _cells(spec: Spec, found: Selection, only: Mapping[str, Sequence[str]]) -> tuple[list[Cell], tuple[str, ...]]:
    """The cells that are kept, and after them what they are held against; with notes."""
    kept, notes = keep_only(build_cells(spec, found), only)
    if spec.converged is None:
        return kept, notes
    cells, told = with_converged(kept, spec.converged, spec.models, spec.rows)
    return cells, (*notes, *told)


def _meaning(plan: Plan) -> str:
    """A digest of what decides a run's results: two files that say the same have the same."""
    beside = {
        "name",
        "question",
        "spec_path",
        "spec_text",
        "spec_digest",
        "refused",
        "resolved_defaults",
        "forecast",
        "notes",
    }
    return digest(plan.model_dump(mode="json", exclude=beside))


def faults_of(spec: Spec, found: Selection, count: Count = of_the_spec_alone) -> list[Problem]:
    """Faults that show only when the combinations are made."""
    faults = list(found.unused)
    if found.refused and (spec.strict or not found.choices):
        what = "refused, and the spec is strict" if spec.strict else "every combination is refused"
        first = {reason: choice for choice, reason in reversed(found.refused)}
        faults += [
            ("strict" if spec.strict else place_of_refused(spec, first[reason]), f"{what}: {reason}")
            for reason in dict.fromkeys(reason for _, reason in found.refused)
        ]
    else:
        faults += misspelt_folders(spec, found)
    cells = [resolve(spec, choice) for choice in found.choices]
    faults += _metric_faults(spec, cells)
    told = [Problem(spec.path, spec.lines.get(place), place, why) for place, why in faults]
    return [*told, *faults_of_set(spec, _metrics(spec, cells), count)]


def _metric_faults(spec: Spec, cells: list[Settings]) -> list[tuple[str, str]]:
    """Metrics that no task here has or that lack weights, and margins for what is not computed."""
    faults = []
    for name in spec.metrics or ():
        row = METRICS[name]
        judged = [settings.model for settings in cells if settings.task in row.tasks]
        if cells and not judged:
            tasks = ", ".join(dict.fromkeys(settings.task for settings in cells))
            faults.append(("metrics", f"{name} says nothing of {tasks}: it is for {', '.join(row.tasks)}"))
        for model in dict.fromkeys(judged):
            if row.made_with(spec.models[model]) is None:
                why = f"the catalog has no {row.uses} for it; leave {name} out, or name one under `scorers`"
                faults.append(("metrics", f"{name} cannot be computed for {model}: {why}"))
    idle = [name for name in spec.margins if name not in (*_metrics(spec, cells), *MEASURES)]
    why = "a margin for a metric that is not computed: name it under `metrics`"
    return faults + [(f"margins.{name}", why) for name in idle if cells]


def _metrics(spec: Spec, cells: list[Settings]) -> tuple[str, ...]:
    """The named ones, or the tasks' own, as far as the models have weights for them."""
    if spec.metrics is not None:
        return spec.metrics
    pairs = dict.fromkeys((settings.task, settings.model) for settings in cells)
    found = [(name, spec.models[model]) for task, model in pairs for name in TASKS[task].metrics]
    return tuple(dict.fromkeys(name for name, model in found if METRICS[name].made_with(model) is not None))


def _assets(spec: Spec, cells: Sequence[Cell], rows: Mapping[str, Sequence[InputRow]]) -> dict[str, Asset]:
    """Those that some cell of the plan looks at; ``rows``: each cell's, by its id."""
    keys = dict.fromkeys(key for cell in cells for row in rows[cell.id] for key in assets_of(row, cell.settings.task))
    return {key: spec.assets[key] for key in keys}


_FOR_OTHERS = (
    "margins without `compare_to`: no cell of this run is held against another; they count when `harness compare` "
    "holds another run against it"
)


def _margins(spec: Spec, metrics: tuple[str, ...], *, compared: bool) -> dict[str, float | str]:
    """The spec's margins over the harness's own; none for what is ``off`` or not computed.

    A spec that compares nothing may state some for those who will hold its run against another, and need not.
    """
    judged = (*metrics, *MEASURES) if spec.timing.enabled else metrics
    known = {name: margin for name, margin in DEFAULT_MARGINS.items() if name in judged}
    wanted = {**known, **spec.margins} if compared or spec.margins else {}
    return {name: margin for name, margin in wanted.items() if margin != OFF}

"""`Spec` → `Plan`: what would be made, what is refused, what it costs. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.base import digest
from harness.catalog.metrics import DEFAULT_MARGINS, MEASURES, METRICS
from harness.catalog.types import ModelRow
from harness.errors import Problem, SpecError
from harness.plan.cells import build_cells, groups_of, refusals_of
from harness.plan.defaults import resolved_defaults
from harness.plan.forecast import Pace, forecast
from harness.plan.only import keep_only
from harness.plan.select import Selection, select
from harness.plan.types import Cell, InputRow, Plan, TimingPlan
from harness.spec.knobs import label_of
from harness.spec.load import leaves_knobs_alone, read_spec
from harness.spec.measuring import OFF
from harness.spec.types import Spec


def plan_file(
    reference: str,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    limit: int | None = None,
    device: str | None = None,
    paces: Sequence[Pace] = (),
) -> Plan:
    """Read and resolve a spec; what planning finds wrong is reported together with what reading did.

    Args:
        reference: a path, or a shipped spec's name.
        only: as for :func:`build_plan`, and so the rest.

    Raises:
        MissingError: there is no such file.
        SpecError: everything that is wrong with it.
        UsageError: as :func:`build_plan`.
    """
    spec, problems = read_spec(reference)
    if problems:
        judged = faults_of(spec, select(spec)) if all(map(leaves_knobs_alone, problems)) else []
        raise SpecError(sorted([*problems, *judged], key=lambda problem: problem.line or 0))
    return build_plan(spec, only=only, limit=limit, device=device, paces=paces)


def build_plan(
    spec: Spec,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    limit: int | None = None,
    device: str | None = None,
    paces: Sequence[Pace] = (),
) -> Plan:
    """Resolve a spec.

    Args:
        spec: a checked spec.
        only: knob → values; cells with other values are left out, except the references of those that stay.
        limit: the first so many rows only.
        device: instead of the spec's.
        paces: what was measured before, for the forecast of seconds.

    Raises:
        SpecError: no cell is left, a part of the spec matches nothing, or something is refused under ``strict``.
        UsageError: ``only`` names no knob, or values that no cell has.
    """
    found = select(spec)
    problems = faults_of(spec, found)
    if problems:
        raise SpecError(problems)
    cells, notes = keep_only(build_cells(spec, found), only or {})
    rows = spec.rows[:limit]
    models = {name: row for name, row in spec.models.items() if any(c.settings.model == name for c in cells)}
    metrics = _metrics(spec, list(models.values()))
    margins = _margins(spec, metrics)
    timing = spec.timing.model_copy(update={"batch": min(spec.timing.batch, len(rows))})
    groups = groups_of(cells)
    plan = Plan(
        name=spec.name,
        question=spec.question,
        spec_path=spec.path,
        spec_text=spec.text,
        spec_digest="",
        task=cells[0].settings.task,
        models=models,
        rows=rows,
        cells=tuple(cells),
        groups=groups,
        refused=refusals_of(found),
        compare_to={knob: label_of(knob, value) for knob, value in (spec.compare_to or {}).items()} or None,
        margins=margins,
        metrics=metrics,
        timing=timing,
        cell_timeout_s=spec.cell_timeout_s,
        device=device or spec.device,
        threads=spec.threads,
        resolved_defaults=resolved_defaults(spec, list(models), metrics, margins),
        forecast=forecast(
            cells, groups, len(rows), metrics, timing, paces, (*notes, *_notes(cells, rows, spec.timing))
        ),
    )
    return plan.model_copy(update={"spec_digest": _meaning(plan)})


def _meaning(plan: Plan) -> str:
    """A digest of what decides a run's results: two files that say the same have the same."""
    beside = {"name", "question", "spec_path", "spec_text", "spec_digest", "refused", "resolved_defaults", "forecast"}
    return digest(plan.model_dump(mode="json", exclude=beside))


def faults_of(spec: Spec, found: Selection) -> list[Problem]:
    """Faults that show only when the combinations are made."""
    faults = list(found.unused)
    if found.refused and (spec.strict or not found.choices):
        what = "refused, and the spec is strict" if spec.strict else "every combination is refused"
        place = "strict" if spec.strict else ""
        faults += [(place, f"{what}: {reason}") for reason in dict.fromkeys(reason for _, reason in found.refused)]
    rows = [spec.models[name] for name in dict.fromkeys(choice["model"] for choice in found.choices)]
    faults += _metric_faults(spec, rows)
    return [Problem(spec.path, spec.lines.get(place), place, why) for place, why in faults]


def _metric_faults(spec: Spec, models: list[ModelRow]) -> list[tuple[str, str]]:
    """Metrics without weights, and margins for what no model of this spec has by default."""
    faults = [
        ("metrics", f"{name} cannot be computed for {row.name}: the catalog has no {METRICS[name].uses} for it")
        for name in spec.metrics or ()
        for row in models
        if row.weights_of(METRICS[name].uses) is None
    ]
    idle = [name for name in spec.margins if name not in (*_metrics(spec, models), *MEASURES)]
    why = "a margin for a metric that is not computed: name it under `metrics`"
    return faults + [(f"margins.{name}", why) for name in idle if models]


def _metrics(spec: Spec, models: list[ModelRow]) -> tuple[str, ...]:
    """The named ones, or the models' own."""
    if spec.metrics is not None:
        return spec.metrics
    return tuple(dict.fromkeys(name for row in models for name in row.default_metrics))


def _margins(spec: Spec, metrics: tuple[str, ...]) -> dict[str, float | str]:
    """The spec's margins over the harness's own; none for what is ``off``, not computed, or not compared."""
    judged = (*metrics, *MEASURES) if spec.timing.enabled else metrics
    known = {name: margin for name, margin in DEFAULT_MARGINS.items() if name in judged}
    wanted = {**known, **spec.margins} if spec.compare_to is not None else {}
    return {name: margin for name, margin in wanted.items() if margin != OFF}


def _notes(cells: list[Cell], rows: tuple[InputRow, ...], timing: TimingPlan) -> tuple[str, ...]:
    """What a person should know that no number says."""
    notes = []
    if any(cell.settings.guidance_scale <= 1 for cell in cells) and any(row.negative_prompt for row in rows):
        notes.append("guidance_scale of 1 or less switches guidance off: a negative prompt does nothing there")
    if timing.enabled and timing.batch > len(rows):
        notes.append(f"timing.batch is {len(rows)}: there are no more rows")
    return tuple(notes)

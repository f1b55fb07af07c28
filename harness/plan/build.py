"""`Spec` → `Plan`: what would be made, what is refused, what it costs. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.base import digest
from harness.catalog.metrics import DEFAULT_MARGINS, METRICS
from harness.errors import Problem, SpecError, UsageError
from harness.plan.cells import Selection, build_cells, groups_of, refusals_of, select
from harness.plan.forecast import Pace, forecast
from harness.plan.types import Cell, Plan
from harness.spec.knobs import KNOBS, nearest
from harness.spec.types import Spec


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
        UsageError: ``only`` names no knob that the plan sweeps, or matches nothing.
    """
    found = select(spec)
    _check(spec, found)
    cells = _chosen(build_cells(spec, found), only or {})
    rows = spec.rows[:limit]
    metrics = _metrics(spec, cells)
    models = {name: row for name, row in spec.models.items() if any(c.settings.model == name for c in cells)}
    groups = groups_of(cells)
    return Plan(
        name=spec.name,
        question=spec.question,
        spec_path=spec.path,
        spec_text=spec.text,
        spec_digest=digest([[c.model_dump(mode="json") for c in cells], [r.model_dump(mode="json") for r in rows]]),
        task=cells[0].settings.task,
        models=models,
        rows=rows,
        cells=tuple(cells),
        groups=groups,
        refused=refusals_of(found),
        compare_to={k: str(v) if k == "scheduler" else v for k, v in _shown(spec.compare_to).items()} or None,
        margins=_margins(spec, metrics),
        metrics=metrics,
        timing=spec.timing,
        cell_timeout_s=spec.cell_timeout_s,
        device=device or spec.device,
        threads=spec.threads,
        resolved_defaults=_defaults(spec, cells, metrics),
        forecast=forecast(cells, groups, len(rows), metrics, spec.timing, paces),
    )


def _shown(compare_to: dict[str, Any] | None) -> dict[str, Any]:
    from harness.spec.knobs import label_of

    return {knob: label_of(knob, value) for knob, value in (compare_to or {}).items()}


def _check(spec: Spec, found: Selection) -> None:
    """Faults that show only when the combinations are made."""
    problems = [Problem(spec.path, spec.lines.get(place), place, why) for place, why in found.unused]
    if found.refused and (spec.strict or not found.choices):
        place = "strict" if spec.strict else ""
        reasons = dict.fromkeys(reason for _, reason in found.refused)
        what = "refused, and the spec is strict" if spec.strict else "every combination is refused"
        problems += [Problem(spec.path, spec.lines.get(place), place, f"{what}: {reason}") for reason in reasons]
    if problems:
        raise SpecError(problems)


def _chosen(cells: list[Cell], only: Mapping[str, Sequence[str]]) -> list[Cell]:
    for knob in only:
        if knob not in KNOBS:
            guess = nearest(knob, KNOBS)
            raise UsageError(
                f"--only {knob}=…: {knob!r} is no knob.",
                expected="one of " + ", ".join(KNOBS),
                do=f"did you mean {guess}?" if guess else "",
            )
    kept = [cell for cell in cells if all(_value(cell, knob) in values for knob, values in only.items())]
    if not kept:
        there = {knob: sorted({_value(cell, knob) for cell in cells}) for knob in only}
        raise UsageError(
            "--only leaves no cell.", expected="; ".join(f"{k} among {', '.join(v)}" for k, v in there.items())
        )
    wanted = {cell.id for cell in kept} | {cell.reference for cell in kept}
    return [cell for cell in cells if cell.id in wanted]


def _value(cell: Cell, knob: str) -> str:
    if knob in cell.swept:
        return str(cell.swept[knob])
    if knob == "size":
        return f"{cell.settings.width}x{cell.settings.height}"
    value = getattr(cell.settings, knob)
    return str(getattr(value, "label", value))


def _metrics(spec: Spec, cells: list[Cell]) -> tuple[str, ...]:
    """The named ones, or the models' own; what a model has no weights for is left out unless it was asked for."""
    rows = [spec.models[cell.settings.model] for cell in cells]
    wanted = spec.metrics
    if wanted is None:
        wanted = tuple(dict.fromkeys(name for row in rows for name in row.default_metrics))
    lacking = {"extractor": [r.name for r in rows if not r.extractor], "judge": [r.name for r in rows if not r.judge]}
    problems = [
        Problem(spec.path, spec.lines.get("metrics"), "metrics", f"{name} has no {METRICS[name].uses} for {row}")
        for name in (spec.metrics or ())
        for row in dict.fromkeys(lacking.get(METRICS[name].uses, []))
    ]
    if problems:
        raise SpecError(problems)
    return wanted


def _margins(spec: Spec, metrics: tuple[str, ...]) -> dict[str, float | str]:
    """The spec's margins over the harness's own; none for what is not computed."""
    timed = ("latency", "peak_memory") if spec.timing.enabled else ()
    known = {name: margin for name, margin in DEFAULT_MARGINS.items() if name in (*metrics, *timed)}
    return {**known, **spec.margins} if spec.compare_to is not None else {}


def _defaults(spec: Spec, cells: list[Cell], metrics: tuple[str, ...]) -> dict[str, Any]:
    """Knob → value, for all that the file leaves open."""
    first, found = cells[0].settings, {}
    for knob in KNOBS:
        if knob in spec.sweeps and knob != "model":
            continue
        if knob == "size":
            found[knob] = f"{first.width}x{first.height}"
        elif knob not in ("model", "optimizations"):
            found[knob] = getattr(getattr(first, knob), "label", getattr(first, knob))
    if spec.batch_size is None:
        found["batch_size"] = first.batch_size
    if spec.metrics is None:
        found["metrics"] = list(metrics)
    named = {f"margins.{k}": v for k, v in _margins(spec, metrics).items() if k not in spec.margins}
    timing = {f"timing.{k}": v for k, v in spec.timing.model_dump().items() if f"timing.{k}" not in spec.lines}
    if spec.timing.enabled:
        found |= {k: v for k, v in timing.items() if k != "timing.enabled"}
    return found | named

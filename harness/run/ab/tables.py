"""What the plan was made by, and what an environment's diffusers says instead: schedulers and pipelines' defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.catalog.diffusers_table import table
from harness.catalog.tasks import pipelines_of
from harness.plan.types import Cell, Plan

_FEW = 6
Table = Mapping[str, Mapping[str, Mapping[str, Any]]]


def table_notes(plan: Plan, name: str, theirs: Mapping[str, Any]) -> list[str]:
    """Sentences on an environment's table, what the plan's cells use first; none where it is the plan's own.

    Args:
        plan: its cells were made by our table; what a spec leaves open is resolved in them.
        name: the environment's.
        theirs: its own table.
    """
    differing = list(_differing(table(), theirs))
    if not differing:
        return []
    used = _used(plan)
    ours = [text for kind, text in differing if kind in used]
    rest = [text for kind, text in differing if kind not in used]
    told = f"The plan was made by diffusers {table()['diffusers']}, and {name} has {theirs['diffusers']}"
    notes = [f"{told}: {text}." for text in ours]
    if rest:
        more = f" and {len(rest) - _FEW} more" if len(rest) > _FEW else ""
        notes.append(f"{told}; of what no cell uses: {', '.join(rest[:_FEW])}{more}.")
    return notes


def lost(plan: Plan, theirs: Mapping[str, Any]) -> list[str]:
    """The scheduler classes of the plan's cells that an environment's diffusers has not, or has in name only."""
    return sorted(
        name for name in _used(plan) if table()["schedulers"].get(name) and not theirs["schedulers"].get(name)
    )


def _used(plan: Plan) -> set[str]:
    """The schedulers and the pipelines of the cells."""
    chosen = {cell.settings.scheduler.class_name for cell in plan.cells}
    own = {name for model in plan.models.values() for name in model.default_schedulers.values()}
    pipelines = {name for cell in plan.cells for name in _pipelines(plan, cell)}
    return {name for name in (*chosen, *own, *pipelines) if name is not None}


def _pipelines(plan: Plan, cell: Cell) -> set[str | None]:
    """Its stages', and in the combined form the pipeline that holds them too."""
    classes = pipelines_of(cell.settings.task, plan.models[cell.settings.model].version)
    return {classes.prior, classes.decoder, classes.of(cell.settings.api)}


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Class → what is not the same of it. One that lacks a package takes no keyword at all."""
    for kind in ("schedulers", "pipelines"):
        mine, other = ours[kind], theirs[kind]
        for name in sorted({*mine, *other}):
            if name not in other:
                yield name, f"{name} is not there"
            elif name not in mine:
                yield name, f"{name} is new"
            elif mine[name] and not other[name]:
                yield name, f"{name} lacks a package there"
            elif mine[name] != other[name]:
                yield name, f"{name} {_keywords(mine[name], other[name])}"


def _keywords(mine: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    names = [name for name in dict.fromkeys([*mine, *other]) if mine.get(name, ...) != other.get(name, ...)]
    return ", ".join(f"{name} {_value(mine, name)} → {_value(other, name)}" for name in names)


def _value(known: Mapping[str, Any], name: str) -> str:
    return str(known[name]) if name in known else "absent"

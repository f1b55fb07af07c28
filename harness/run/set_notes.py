"""Numbers of whole sets that a run could not give, for its reference set does not serve them: a plan's notes.

Without torch, and without numpy where no reference is looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from harness.catalog.metrics import METRICS
from harness.catalog.types import WeightsRow
from harness.catalog.weights import weights_row
from harness.errors import MissingError
from harness.plan.types import Plan, ReferenceSet
from harness.run.weights import shipped_statistics
from harness.score.folder_forms import width_of

if TYPE_CHECKING:
    from harness.run.reference_sets import Look

_BY_STATISTICS = "frechet"  # the one number that needs no features of the set


def with_notes_on_set(plan: Plan, look: Callable[[ReferenceSet], Look]) -> Plan:
    """The plan, with a note for each reason why numbers of whole sets will be null."""
    notes = tuple(notes_on_set(plan, look))
    cost = plan.forecast.model_copy(update={"notes": (*plan.forecast.notes, *notes)})
    return plan.model_copy(update={"notes": (*plan.notes, *notes), "forecast": cost})


def notes_on_set(plan: Plan, look: Callable[[ReferenceSet], Look]) -> Iterator[str]:
    """Which metrics will be null, and why; ``look`` is told the plan's set, if it names one."""
    found: dict[str, list[str]] = {}
    for metric, row in _held(plan):
        why = _lack(plan, metric, row, look)
        if why is not None:
            found.setdefault(why, []).append(metric)
    for why, metrics in found.items():
        yield f"{', '.join(dict.fromkeys(metrics))} will be null: {why}"


def _held(plan: Plan) -> list[tuple[str, WeightsRow]]:
    """The metrics that are held against a set, each with the weights that make its features."""
    pairs = dict.fromkeys(
        (name, METRICS[name].made_with(plan.models[cell.settings.model]))
        for cell in plan.scored_cells
        for name in plan.metrics_of(cell)
        if METRICS[name].against_set
    )
    return [(metric, weights_row(name, plan.weights)) for metric, name in pairs if name is not None]


def _lack(plan: Plan, metric: str, row: WeightsRow, look: Callable[[ReferenceSet], Look]) -> str | None:
    seen = _shipped(metric, row) if plan.reference_set is None else look(plan.reference_set)
    if seen is None or isinstance(seen, str):
        return seen
    from harness.score.reference_set import lack_of_features, lack_of_width

    why = lack_of_width(seen.dimension, width_of(row), row.name)
    return why if why is not None or metric == _BY_STATISTICS else lack_of_features(seen.with_features)


def _shipped(metric: str, row: WeightsRow) -> Look | str | None:
    """What lies beside the weights; why it does not serve; ``None``: it does, with no look into it."""
    path = shipped_statistics(row.place)
    if path is None:
        return f"{row.name} brings no reference statistics: name a `reference_set` in the spec"
    if metric == _BY_STATISTICS:
        return None
    from harness.run.reference_sets import look_into_file

    try:
        return look_into_file(path)
    except MissingError as error:
        return error.happened

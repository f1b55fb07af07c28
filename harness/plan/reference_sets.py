"""A spec's reference set before anything is made: whether a run would take it, whether it is used, what a look costs.

Looking into it is not this stage's: whoever plans brings a ``Count``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.catalog.metrics import METRICS
from harness.catalog.types import ModelRow
from harness.errors import MissingError, Problem
from harness.plan.types import Forecast, ReferenceSet, Settings, StageCount
from harness.spec.types import Spec

#: Pictures of a set that would be looked at, 0 where it brings its own numbers; a ``MissingError`` is what is wrong
Count = Callable[[ReferenceSet], int]
STAGE = "reference set"


def of_the_spec_alone(asked: ReferenceSet) -> int:
    """What is known without a look at folders and files."""
    return asked.count or 0


def against_set(metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of the metrics that are held against a set of pictures."""
    return tuple(name for name in metrics if name in METRICS and METRICS[name].against_set)


def faults_of_set(spec: Spec, metrics: Sequence[str], count: Count) -> list[Problem]:
    """Why a run would refuse the spec's reference set; nothing where no metric is held against it."""
    if spec.reference_set is None or not against_set(metrics):
        return []
    try:
        count(spec.reference_set)
    except MissingError as error:
        place, told = "reference_set", "; ".join(filter(None, (error.happened.rstrip("."), error.do)))
        return [Problem(spec.path, spec.lines.get(place), place, told, error.expected, missing=True)]
    return []


def idle_set(spec: Spec, metrics: Sequence[str]) -> list[str]:
    """A note where the spec names a reference set and its tasks' metrics do without one."""
    if spec.reference_set is None or against_set(metrics):
        return []
    known = ", ".join(name for name, row in METRICS.items() if row.against_set)
    return [f"`reference_set` is not used: no metric of this plan is held against a set of pictures, as {known} are"]


def with_looks(cost: Forecast, spec: Spec, cells: Sequence[Settings], metrics: Sequence[str], count: Count) -> Forecast:
    """The cost with the pictures of the reference set that are looked at, once for each network."""
    pictures = count(spec.reference_set) if spec.reference_set is not None and against_set(metrics) else 0
    each = [_networks(settings, spec.models, metrics) for settings in cells]
    networks = sorted(set().union(*each))
    if not pictures or not networks:
        return cost
    uses = pictures * sum(len(own) for own in each)
    stage = StageCount(stage=STAGE, uses=uses, distinct=pictures * len(networks))
    note = (
        f"the reference set's {pictures:,} pictures are looked at with {', '.join(networks)}, once: "
        "not again where the store has their features; no time is forecast for it"
    )
    return cost.model_copy(update={"stages": (*cost.stages, stage), "notes": (*cost.notes, note)})


def _networks(settings: Settings, models: Mapping[str, ModelRow], metrics: Sequence[str]) -> set[str]:
    """Names of the weights under which a cell's pictures are held against a set."""
    own = [METRICS[name] for name in against_set(metrics) if settings.task in METRICS[name].tasks]
    named = {row.made_with(models[settings.model]) for row in own}
    return {name for name in named if name is not None}

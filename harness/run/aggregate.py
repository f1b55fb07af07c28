"""Features → per-image columns and a cell's number with its interval: the table of all metrics."""

from __future__ import annotations

from collections.abc import Callable

from harness.run.aggregate_own import own_score
from harness.run.aggregate_pictures import OF_PICTURES
from harness.run.aggregate_sets import OF_SETS
from harness.run.aggregate_world import OF_THE_WORLD
from harness.run.aggregated import Gathered, Scored

__all__ = ["Gathered", "Scored", "scored"]


def scored(metric: str, gathered: Gathered) -> Scored:
    """Compute one metric."""
    return _METRICS[metric](gathered) if metric in _METRICS else own_score(metric, gathered)


_METRICS: dict[str, Callable[[Gathered], Scored]] = {**OF_PICTURES, **OF_THE_WORLD, **OF_SETS}

"""Metrics that other packages bring: the entry points of the group ``kandinsky_harness.metrics``.

An entry point names an object with a ``row``, a mapping of this project's catalog (name, tasks, direction, unit,
least_n, source; see :class:`OwnRow`), that can be called. With ``uses: pictures`` a worker calls it with the views
(:class:`harness.score.view.View`) of a cell; with a network for ``uses`` it is called with the arrays that are kept of
that network. Either way it gives a number a picture, or one for all of them where the row says ``per_image: false``.

The module is imported where a spec is planned: it leaves torch and the like to its function.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import Field, ValidationError

from harness.base import Frozen
from harness.catalog.types import MetricRow, Network, Task, WeightsRow

GROUP = "kandinsky_harness.metrics"
PREFIX = "own:"  # of the name of a plug-in's "weights": its code
_Features = Literal["open_clip", "extractor", "judge", "depth", "pixels", "perceptual", "preference"]


class OwnRow(Frozen):
    """What a plug-in says of its metric."""

    name: str = Field(pattern="^[a-z][a-z0-9_]{1,40}$")
    tasks: tuple[Task, ...] = Field(min_length=1)
    direction: Literal["higher", "lower"]
    unit: str = Field(min_length=1, max_length=40)
    least_n: int = Field(default=1, ge=1)  # independent prompts; below there is no number
    source: str = Field(min_length=1)  # paper or reference implementation
    notes: str = ""
    per_image: bool = True
    uses: _Features | Literal["pictures"] = "pictures"

    def as_metric(self) -> MetricRow:
        """The row that the catalog's tables hold."""
        uses: Network = "own" if self.uses == "pictures" else self.uses
        return MetricRow(**self.model_dump(exclude={"uses"}), uses=uses)


@dataclass(frozen=True)
class OwnMetric:
    """A plug-in's metric: its row, its function, and the package that brings it."""

    row: MetricRow
    function: Callable[[Any], Any]
    distribution: str
    version: str
    module: str


@dataclass(frozen=True)
class OwnMetrics:
    """Those that could be loaded, and why the others could not, each by name."""

    found: Mapping[str, OwnMetric]
    faults: Mapping[str, str]


@cache
def own_metrics() -> OwnMetrics:
    """Every plug-in's metric on this machine."""
    from harness.catalog.metrics import SHIPPED

    found: dict[str, OwnMetric] = {}
    faults: dict[str, str] = {}
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        package = _package(point)
        if point.name in (*SHIPPED, *found, *faults):
            found.pop(point.name, None)
            faults[point.name] = f"{package} cannot be loaded: the name is taken"
            continue
        try:
            found[point.name] = _loaded(point)
        except (Exception, SystemExit) as error:  # foreign code: whatever it raises is its own metric's trouble
            faults[point.name] = f"{package} cannot be loaded: {_told(error)}"
    return OwnMetrics(found, faults)


def _loaded(point: importlib.metadata.EntryPoint) -> OwnMetric:
    thing = point.load()
    row = OwnRow.model_validate(dict(thing.row))
    if row.name != point.name:
        raise ValueError(f"its row is named {row.name!r}, and its entry point {point.name!r}")
    if not callable(thing):
        raise TypeError("it cannot be called")
    package = point.dist
    name, version = (package.name, package.version) if package is not None else ("unknown", "unknown")
    return OwnMetric(row.as_metric(), thing, name, version, point.module)


def _package(point: importlib.metadata.EntryPoint) -> str:
    return point.value if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _told(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"row.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
    return f"{type(error).__name__}: {str(error)[:300]}"


def own_weights(metric: str) -> WeightsRow:
    """The row that stands for a plug-in's code, where others have their weights; ``KeyError`` if there is none."""
    own = own_metrics().found[metric]
    return WeightsRow(name=PREFIX + metric, kind="own", place=None, architecture=f"{own.distribution} {own.version}",
                      embedding_dim=None, resize="its own", verified=False)  # fmt: skip

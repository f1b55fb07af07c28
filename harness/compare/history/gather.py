"""Runs in the order of time → series of points that can be joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.base import digest
from harness.compare.cases import CellPair
from harness.compare.changes import environment_changes, scheduler_changes, weight_changes
from harness.compare.history.reading import Absent, Reading, reading
from harness.compare.history.types import Point
from harness.compare.matching import meaning
from harness.compare.types import Change
from harness.errors import UsageError
from harness.plan.only import canonical, value_in
from harness.report.view import RunView, score_of
from harness.spec.knobs import KNOBS
from harness.spec.reader import nearest
from harness.store.measured import MEASURED
from harness.store.records import CellRecord


@dataclass
class Joined:
    """A series while it grows: the last cell seen, with its run, tells what changed since."""

    cell: str
    shares: dict[str, Any]
    points: list[Point] = field(default_factory=list)
    last: tuple[RunView, CellRecord] | None = None

    def add(self, view: RunView, cell: CellRecord, found: Reading) -> None:
        """A point, with what changed since the one before."""
        run = view.run
        self.points.append(
            Point(
                run_id=run.run_id,
                name=run.name,
                started_ms=run.started_ms,
                value=found.value,
                low=found.low,
                high=found.high,
                level=found.level,
                n=found.n,
                unit=found.unit,
                changed=_changes(self.last, (view, cell)),
                reason=found.reason,
            )
        )
        self.cell, self.last = cell.label, (view, cell)


@dataclass
class Gathered:
    """All series by what they mean, and what was left out: reason -> whose."""

    series: dict[tuple[str, str], Joined] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    metrics: dict[str, tuple[str, str]] = field(default_factory=dict)  # seen: metric -> unit, direction


def gather(views: Iterable[RunView], metric: str, wanted: Mapping[str, Sequence[str]]) -> Gathered:
    """Every reading of the metric, put with those that it can be joined with.

    Args:
        views: runs in the order of time.
        metric: of the catalog, or ``latency`` or ``peak_memory``.
        wanted: knob -> its values as labels show them; a cell must have one of each.

    Raises:
        UsageError: a knob that does not exist.
    """
    for knob in wanted:
        if knob not in KNOBS:
            guess = nearest(knob, KNOBS)
            raise UsageError(
                f"--cell {knob}=…: {knob!r} is no knob.",
                expected=f"one of {', '.join(KNOBS)}",
                do=f"did you mean {guess}?" if guess else "",
            )
    found = Gathered()
    for view in views:
        for cell in view.cells:
            if _is_wanted(view, cell, wanted):
                _take(found, view, cell, metric)
    return found


def _is_wanted(view: RunView, cell: CellRecord, wanted: Mapping[str, Sequence[str]]) -> bool:
    planned = view.plan.cell(cell.cell_id)
    return all(canonical(value_in(planned, knob)) in set(map(canonical, texts)) for knob, texts in wanted.items())


def _take(found: Gathered, view: RunView, cell: CellRecord, metric: str) -> None:
    found.metrics |= {score.metric: (score.unit, score.direction) for score in cell.scores}
    found.metrics |= {name: ("", "lower") for name in MEASURED if cell.timing is not None}
    one = reading(view, cell, metric)
    if isinstance(one, Absent):
        if one.told:
            found.left.setdefault(one.reason, []).append(f"{cell.label} of {view.run.run_id}")
        return
    key = (digest([cell.settings.model, meaning(cell.settings)]), digest(one.shares))
    found.series.setdefault(key, Joined(cell.label, one.shares)).add(view, cell, one)


def unit_of(views: Sequence[RunView], metric: str) -> tuple[str, str | None]:
    """Unit and direction, from the newest run that was scored by it."""
    if metric in MEASURED:
        return ("s an image" if metric == "latency" else "bytes"), "lower"
    for view in reversed(views):
        for cell in view.cells:
            if (score := score_of(cell, metric)) is not None:
                return score.unit, score.direction
    return "", None


def _changes(before: tuple[RunView, CellRecord] | None, now: tuple[RunView, CellRecord]) -> tuple[Change, ...]:
    if before is None:
        return ()
    pair = CellPair(before[0], now[0], before[1], now[1])
    own = (*scheduler_changes([pair]), *weight_changes([pair]))
    return (
        *environment_changes(before[0].run, now[0].run),
        *(change.model_copy(update={"cells": ()}) for change in own),
    )

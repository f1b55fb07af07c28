"""A run's view → the sweep of schedulers and steps in it, as data: lines of points over the same ground."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from harness.catalog.metrics import METRICS
from harness.errors import UsageError
from harness.report.answer import holds
from harness.report.schedulers.front import front
from harness.report.schedulers.paired import Difference, difference
from harness.report.text import DIAGNOSTICS, knob_text
from harness.report.view import COSTS, RunView, own_knobs, quality_comparisons, score_of
from harness.store.records import CellRecord

Standing = Literal["reference", "holds", "regressed", "open", "not judged", "failed", "pending"]
Cost = Literal["model_calls", "seconds"]
JUDGED: tuple[Standing, ...] = ("holds", "regressed", "open")
_SWEPT = ("scheduler", "num_inference_steps")
_GENERAL = "`harness report RUN` writes the general report of it."


@dataclass(frozen=True)
class Point:
    """One cell of the sweep. ``reference``: the cell that it is compared with; its own for a reference's point.

    ``standing``: "holds" when every quality comparison is equivalent or improved, "regressed" when one has regressed,
    "open" when none has and one is inconclusive.
    """

    cell: CellRecord
    reference: CellRecord | None
    model_calls: int
    standing: Standing
    differences: dict[str, Difference] = field(default_factory=dict)  # by metric

    @property
    def steps(self) -> int:
        """The number of inference steps asked for."""
        return self.cell.settings.num_inference_steps

    @property
    def seconds(self) -> float | None:
        """Measured seconds for one image; ``None`` where it was not timed."""
        return self.cell.timing.latency_s if self.cell.timing else None

    def cost(self, cost: Cost) -> float | None:
        """What an image costs."""
        return float(self.model_calls) if cost == "model_calls" else self.seconds


@dataclass(frozen=True)
class Line:
    """One scheduler's points, by steps."""

    scheduler: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Ground:
    """All lines that share the model and whatever else is swept; ``title`` names that else: "guidance 4", or ""."""

    model: str
    title: str
    lines: tuple[Line, ...]
    fronts: dict[tuple[str, Cost], frozenset[str]]  # (metric, cost) → cell ids

    @property
    def points(self) -> tuple[Point, ...]:
        """All points, line by line."""
        return tuple(point for line in self.lines for point in line.points)

    @property
    def compared(self) -> tuple[Point, ...]:
        """The points that differ from their reference and have a result."""
        return tuple(p for p in self.points if p.cell.status == "done" and p.standing != "reference")

    @property
    def references(self) -> tuple[CellRecord, ...]:
        """The cells that its points are compared with: one, unless each scheduler has its own."""
        found = {p.reference.cell_id: p.reference for p in self.points if p.reference}
        return tuple(found.values())

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of steps, ascending."""
        return tuple(sorted({point.steps for point in self.points}))

    def on_front(self, metric: str, cost: Cost) -> frozenset[str]:
        """The cells on that front; none where nothing has both numbers."""
        return self.fronts.get((metric, cost), frozenset())


@dataclass(frozen=True)
class Sweep:
    """The whole comparison. ``metrics``: those that verdicts rest on, the CLIP score first."""

    view: RunView
    metrics: tuple[str, ...]
    grounds: tuple[Ground, ...]

    @property
    def models(self) -> dict[str, tuple[Ground, ...]]:
        """Model → its grounds, in the plan's order."""
        names = dict.fromkeys(ground.model for ground in self.grounds)
        return {name: tuple(g for g in self.grounds if g.model == name) for name in names}

    @property
    def schedulers(self) -> tuple[str, ...]:
        """Every scheduler, in the plan's order: the place in it gives its colour."""
        return tuple(dict.fromkeys(line.scheduler for ground in self.grounds for line in ground.lines))

    @property
    def timed(self) -> bool:
        """Whether any cell has a timing."""
        return any(point.seconds is not None for ground in self.grounds for point in ground.points)

    def main_metric(self, ground: Ground) -> str:
        """The metric that a ground's picture is about: the first that its task has."""
        task = ground.points[0].cell.settings.task
        return next((name for name in self.metrics if task in METRICS[name].tasks), self.metrics[0])

    def name_of(self, ground: Ground) -> str:
        """A ground among all: its model where there are several, and its title."""
        return " · ".join(filter(None, (ground.model if len(self.models) > 1 else "", ground.title)))


def read_sweep(view: RunView) -> Sweep:
    """The sweep of a run.

    Raises:
        UsageError: the run sweeps no schedulers or steps, has no reference with a number of steps, or judges nothing.
    """
    _check(view)
    metrics = judged_metrics(view)
    groups: dict[tuple[tuple[str, str], ...], list[CellRecord]] = {}
    for cell in view.cells:
        groups.setdefault((("model", cell.settings.model), *_rest(cell).items()), []).append(cell)
    return Sweep(view, metrics, tuple(_ground(view, cells, metrics) for cells in groups.values()))


def _check(view: RunView) -> None:
    swept = {knob for cell in view.cells for knob in cell.swept}
    missing = [knob for knob in _SWEPT if knob not in swept]
    if missing:
        raise UsageError(
            f"Run {view.run.run_id} does not sweep {' or '.join(missing)}: no schedulers to compare by steps.",
            expected="a spec with several values of scheduler and of num_inference_steps",
            do=_GENERAL,
        )
    if "num_inference_steps" not in (view.plan.compare_to or {}):
        named = f"its compare_to is {view.plan.compare_to}" if view.plan.compare_to else "it has no compare_to"
        raise UsageError(
            f"Run {view.run.run_id} has no reference with a number of steps of its own: {named}.",
            expected="in the spec, for example, compare_to: {scheduler: DDIM, num_inference_steps: 100}",
            do=f"Add it and run the spec again (the pictures are reused). {_GENERAL}",
        )
    if not judged_metrics(view):
        raise UsageError(
            f"Run {view.run.run_id} judges no quality: none of its metrics has a margin and a value for each picture.",
            expected="in the spec, for example, metrics: [clip_score] and margins: {clip_score: 0.3}",
            do=f"Add them and run the spec again (the pictures are reused). {_GENERAL}",
        )


def judged_metrics(view: RunView) -> tuple[str, ...]:
    """The quality metrics that have a margin, the CLIP score first."""
    named = [name for name in view.plan.metrics if name in view.plan.margins and name not in (*COSTS, *DIAGNOSTICS)]
    return tuple(sorted((name for name in named if METRICS[name].per_image), key=lambda name: name != "clip_score"))


def _rest(cell: CellRecord) -> dict[str, str]:
    """What is swept besides the model, the scheduler and the steps."""
    return {k: knob_text(k, v) for k, v in own_knobs(cell).items() if k not in (*_SWEPT, "model")}


def _ground(view: RunView, cells: list[CellRecord], metrics: tuple[str, ...]) -> Ground:
    lines: dict[str, list[Point]] = {}
    for cell in cells:
        lines.setdefault(cell.settings.scheduler.label, []).append(_point(view, cell, metrics))
    ordered = tuple(Line(name, tuple(sorted(found, key=lambda p: p.steps))) for name, found in lines.items())
    points = [point for line in ordered for point in line.points]
    return Ground(cells[0].settings.model, " · ".join(_rest(cells[0]).values()), ordered, _fronts(points, metrics))


def _point(view: RunView, cell: CellRecord, metrics: tuple[str, ...]) -> Point:
    reference = view.cell(cell.reference) if cell.reference else cell if cell.is_reference else None
    differences = {}
    if reference is not None and reference is not cell and reference.status == cell.status == "done":
        has = [metric for metric in metrics if cell.settings.task in METRICS[metric].tasks]
        differences = {metric: difference(view, cell, reference, metric) for metric in has}
    return Point(cell, reference, view.model_calls(cell), _standing(cell), differences)


def _standing(cell: CellRecord) -> Standing:
    if cell.status != "done":
        return cell.status
    if cell.is_reference:
        return "reference"
    verdicts = {compared.verdict for compared in quality_comparisons(cell)}
    if not verdicts:
        return "not judged"
    return "holds" if holds(cell) else "regressed" if "regressed" in verdicts else "open"


def _fronts(points: Iterable[Point], metrics: tuple[str, ...]) -> dict[tuple[str, Cost], frozenset[str]]:
    costs: tuple[Cost, ...] = ("model_calls", "seconds")
    return {(metric, cost): _front(points, metric, cost) for metric in metrics for cost in costs}


def _front(points: Iterable[Point], metric: str, cost: Cost) -> frozenset[str]:
    placed = {}
    for point in points:
        score, costs = score_of(point.cell, metric), point.cost(cost)
        if point.cell.status == "done" and score is not None and score.value is not None and costs is not None:
            placed[point.cell.cell_id] = (costs, score.value)
    return front(placed, METRICS[metric].direction)

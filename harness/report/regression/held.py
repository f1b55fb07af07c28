"""The comparison as the report tells it: its cells, regressed first, each with its noise; and the worst pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.catalog.stacks import label_of_stack
from harness.compare.compare import Seen, compare
from harness.compare.leaning import leans
from harness.compare.outcome import cell_verdict
from harness.compare.sides import opened
from harness.compare.types import CellCompared, Compared, Finding, OneSided, Verdict
from harness.compare.words import RANK
from harness.compare.worst import Triple, worst_of
from harness.plan.types import Settings
from harness.report.regression.noise import Noise, aa_pairs, noise_of
from harness.report.text import knob_text
from harness.report.view import COSTS, RunView, own_knobs
from harness.store.records import CellRecord, RunRecord

_NAMED = ("task", "scheduler", "optimizations")
CLIP = "clip_score"


@dataclass(frozen=True)
class Line:
    """A pair of cells. ``rest``: what is swept beside task, scheduler and optimization."""

    cell: CellCompared
    settings: Settings
    rest: str
    noise: Noise

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        return cell_verdict(self.cell)

    @property
    def leans(self) -> bool:
        """Whether something of it leans to worse, though nothing was shown."""
        return any(map(leans, self.cell.findings))

    @property
    def names(self) -> tuple[str, str, str]:
        """Task, scheduler with the rest, optimizations."""
        return _names(self.settings, self.rest)

    def finding(self, metric: str) -> Finding | None:
        """What was found of a metric."""
        return next((one for one in self.cell.findings if one.metric == metric), None)

    @property
    def quality(self) -> Finding | None:
        """The finding about the pictures that weighs most; of several alike the CLIP score."""
        found = [one for one in self.cell.findings if one.metric not in COSTS and self.cell.outcome == "compared"]
        return min(found, key=lambda one: (RANK[one.verdict], one.metric != CLIP), default=None)


@dataclass(frozen=True)
class Alone:
    """A cell that only one run has; ``names`` as a line's."""

    cell: OneSided
    names: tuple[str, str, str]
    side: Literal["baseline", "run"]


@dataclass(frozen=True)
class Held:
    """A run against a baseline. ``aa``: what the run's own pairs of the same thing say."""

    view: RunView
    baseline: RunRecord
    compared: Compared
    lines: tuple[Line, ...]
    alone: tuple[Alone, ...]
    worst: tuple[Triple, ...]
    aa: tuple[str, ...]


def hold(view: RunView, against: str) -> Held:
    """Compare a run with a baseline: another run, FOLDER:RUN, or a baseline's file.

    Raises:
        HarnessError: there is no such baseline, or it cannot be read.
    """
    with opened(against, view.store.root) as baseline:
        compared, seen = compare(baseline, view, places=(against, view.run.run_id))
        worst = worst_of(compared, seen)
        lines = [_line(one, cell) for one, cell in zip(seen, compared.cells, strict=True)]
        told = compared.model_copy(update={"worst": tuple(one.told for one in worst)})
        ranked = sorted(lines, key=lambda line: (RANK[line.verdict], not line.leans))
        alone = (*_alone(baseline, told.only_baseline, "baseline"), *_alone(view, told.only_run, "run"))
        return Held(view, baseline.run, told, tuple(ranked), alone, worst, aa_pairs(view))


def _alone(view: RunView, cells: Sequence[OneSided], side: Literal["baseline", "run"]) -> list[Alone]:
    records = [view.cell(cell.cell_id) for cell in cells]
    return [Alone(cell, _names(one.settings, _rest(one)), side) for cell, one in zip(cells, records, strict=True)]


def _line(seen: Seen, cell: CellCompared) -> Line:
    pair = seen.cells
    return Line(cell, pair.new.settings, _rest(pair.new), noise_of(pair))


def _names(settings: Settings, rest: str) -> tuple[str, str, str]:
    scheduler = " · ".join(filter(None, (settings.scheduler.label, rest)))
    return settings.task, scheduler, label_of_stack(settings.optimizations)


def _rest(cell: CellRecord) -> str:
    return " · ".join(_knob(knob, value) for knob, value in own_knobs(cell).items() if knob not in _NAMED)


def _knob(knob: str, value: object) -> str:
    return f"{value} steps" if knob == "num_inference_steps" else knob_text(knob, value)

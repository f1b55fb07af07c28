"""The comparison as the report tells it: its cells, regressed first, each with its noise; and the worst pictures."""

from __future__ import annotations

from dataclasses import dataclass

from harness.catalog.stacks import label_of_stack
from harness.compare.compare import Seen, compare
from harness.compare.outcome import cell_verdict
from harness.compare.sides import opened
from harness.compare.types import CellCompared, Compared, Finding, Verdict
from harness.compare.words import RANK
from harness.compare.worst import Triple, worst_of
from harness.plan.types import Settings
from harness.report.regression.noise import Noise, aa_pairs, noise_of
from harness.report.text import knob_text
from harness.report.view import COSTS, RunView, own_knobs
from harness.store.records import RunRecord

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
        return any(one.leaning_worse for one in self.cell.findings)

    @property
    def names(self) -> tuple[str, str, str]:
        """Task, scheduler with the rest, optimizations."""
        scheduler = " · ".join(filter(None, (self.settings.scheduler.label, self.rest)))
        return self.settings.task, scheduler, label_of_stack(self.settings.optimizations)

    def finding(self, metric: str) -> Finding | None:
        """What was found of a metric."""
        return next((one for one in self.cell.findings if one.metric == metric), None)

    @property
    def quality(self) -> Finding | None:
        """The finding about the pictures that weighs most; of several alike the CLIP score."""
        found = [one for one in self.cell.findings if one.metric not in COSTS and self.cell.outcome == "compared"]
        return min(found, key=lambda one: (RANK[one.verdict], one.metric != CLIP), default=None)


@dataclass(frozen=True)
class Held:
    """A run against a baseline. ``aa``: what the run's own pairs of the same thing say."""

    view: RunView
    baseline: RunRecord
    compared: Compared
    lines: tuple[Line, ...]
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
        return Held(view, baseline.run, told, tuple(ranked), worst, aa_pairs(view))


def _line(seen: Seen, cell: CellCompared) -> Line:
    pair = seen.cells
    rest = [_knob(knob, value) for knob, value in own_knobs(pair.new).items() if knob not in _NAMED]
    return Line(cell, pair.new.settings, " · ".join(rest), noise_of(pair))


def _knob(knob: str, value: object) -> str:
    return f"{value} steps" if knob == "num_inference_steps" else knob_text(knob, value)

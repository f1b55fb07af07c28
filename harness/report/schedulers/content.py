"""Everything that the comparison tells, gathered once for the page, the Markdown, the data and the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.answer import caveats
from harness.report.charts import Chart
from harness.report.provenance import Section, provenance
from harness.report.schedulers.advice import Advice, ModelAdvice, advise
from harness.report.schedulers.costs import cost_charts
from harness.report.schedulers.distance import Distances, distance_chart, distances
from harness.report.schedulers.needs import Need, needs
from harness.report.schedulers.panels import difference_chart
from harness.report.schedulers.strips import StepStrip, strips
from harness.report.schedulers.sweep import JUDGED, Ground, Sweep, read_sweep
from harness.report.schedulers.wording import VERDICTS
from harness.report.text import plural
from harness.report.view import RunView, comparison_of
from harness.store.records import Comparison


@dataclass(frozen=True)
class SchedulerContent:
    """The comparison of schedulers, before it is a file of any kind."""

    sweep: Sweep
    advice: tuple[ModelAdvice, ...]
    needs: tuple[Need, ...]
    distances: tuple[Distances, ...]
    strips: tuple[StepStrip, ...]
    differences: tuple[Chart, ...]
    costs: tuple[Chart, ...]
    distance_chart: Chart | None
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def view(self) -> RunView:
        """The run."""
        return self.sweep.view

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, in the page's order."""
        return (*self.differences, *self.costs, *([self.distance_chart] if self.distance_chart else []))

    @property
    def verdicts(self) -> str:
        """How a verdict and the interval beside it belong together; "" where nothing is judged."""
        judged = (p.standing in JUDGED for ground in self.sweep.grounds for p in ground.points)
        return VERDICTS if any(judged) else ""

    def advice_of(self, ground: Ground) -> Advice:
        """A ground's own recommendation."""
        return next(advice for of in self.advice for advice in of.grounds if advice.ground is ground)


def gather(view: RunView, *, public: bool) -> SchedulerContent:
    """The content of a run's comparison; ``public``: what is of use on this machine only is left out.

    Raises:
        UsageError: the run is no sweep of schedulers and steps with a reference.
    """
    sweep = read_sweep(view)
    advice = advise(sweep)
    flat = [one for of in advice for one in of.grounds]
    shown = (difference_chart(sweep, flat, metric) for metric in sweep.metrics)
    return SchedulerContent(
        sweep=sweep,
        advice=advice,
        needs=needs(sweep),
        distances=distances(sweep),
        strips=strips(sweep),
        differences=tuple(chart for chart in shown if chart is not None),
        costs=tuple(cost_charts(sweep)),
        distance_chart=distance_chart(sweep),
        caveats=(*caveats(view), *_on_timing(sweep)),
        sections=provenance(view, public=public),
    )


def _on_timing(sweep: Sweep) -> list[str]:
    """What is missing of the times, and where the machine moved."""
    if not sweep.timed:
        reasons = dict.fromkeys(c.timing_reason for c in sweep.view.done if c.timing_reason)
        why = f" ({'; '.join(reasons)})" if reasons else ""
        return [f"Nothing was timed{why}: model calls stand for cost, and nothing is said of seconds."]
    drifted = [cell for cell in sweep.view.done if _moved(comparison_of(cell, "latency"))]
    if not drifted:
        return []
    turns = ", or of calls in turns" if any(cell.timing and cell.timing.beside for cell in drifted) else ""
    return [
        f"The machine drifted past the margin while it timed {plural(len(drifted), 'cell')}: that their seconds are "
        f"the same cannot be shown, only a difference beyond the drift{turns}."
    ]


def drift_words(sweep: Sweep) -> str:
    """How far the machine moved while the seconds were measured; nothing where that is within the margin."""
    cells = [cell for cell in sweep.view.done if _moved(comparison_of(cell, "latency"))]
    moved = [cell.timing.drift or 0.0 for cell in cells if cell.timing]
    return f"the machine drifted by up to {max(moved):.0%} while they were measured" if moved else ""


def _moved(judged: Comparison | None) -> bool:
    return judged is not None and "drifted" in (judged.reason or "")

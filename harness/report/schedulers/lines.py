"""The tables as texts: what the page and the Markdown show alike, one ``Entry`` a cell of a table."""

from __future__ import annotations

from harness.report.schedulers.content import SchedulerContent
from harness.report.schedulers.distance import cell_words
from harness.report.schedulers.needs import Need
from harness.report.schedulers.sweep import Cost, Ground, Point, Sweep
from harness.report.schedulers.wording import difference_words, interval_words
from harness.report.sentences import bounds_text, margin_text, value_text
from harness.report.text import VERDICT_MARKS, if_unchanged, metric_words, plural, seconds, seconds_span
from harness.report.text_table import Entry, TextTable
from harness.report.view import comparison_of, score_of
from harness.store.records import Comparison

_STANDING = {
    "reference": "reference", "holds": "≈ holds", "regressed": "▼ regressed", "open": "? inconclusive",
    "not judged": "not judged yet", "failed": "failed", "pending": "not made yet",
}  # fmt: skip


def needs_table(content: SchedulerContent) -> TextTable:
    """What each scheduler needs."""
    head = ["where", "scheduler", "fewest steps", "model calls", "seconds for each image"]
    head += [f"{metric_words(metric)} against the reference" for metric in content.sweep.metrics]
    lines = tuple(_need_line(content.sweep, need) for need in content.needs)
    starred = {p.cell.cell_id for of in content.advice for advice in of.grounds for p in advice.tied}
    marked = (n for n, need in enumerate(content.needs) if need.fewest and need.fewest.cell.cell_id in starred)
    return TextTable("", (*head, "every count"), lines, frozenset(marked))


def _need_line(sweep: Sweep, need: Need) -> tuple[Entry, ...]:
    point = need.fewest
    where = Entry(sweep.name_of(need.ground) or need.ground.model)
    first = (where, Entry(need.scheduler), Entry(need.headline, need.remarks))
    trail = Entry(need.trail)
    if point is None:
        return (*first, Entry("—"), Entry("—"), *(Entry("—") for _ in sweep.metrics), trail)
    against = need_reference_calls(sweep, point)
    costs = (Entry(str(point.model_calls), against), _seconds(point))
    return (*first, *costs, *(_difference(point, metric) for metric in sweep.metrics), trail)


def need_reference_calls(sweep: Sweep, point: Point) -> tuple[str, ...]:
    """ "the reference: 50"."""
    return (f"the reference: {sweep.view.model_calls(point.reference)}",) if point.reference else ()


def cell_tables(content: SchedulerContent) -> tuple[TextTable, ...]:
    """Every cell, a table for each ground."""
    return tuple(_cells(content, ground) for ground in content.sweep.grounds)


def _cells(content: SchedulerContent, ground: Ground) -> TextTable:
    sweep = content.sweep
    head = ["scheduler", "steps", "outcome", "model calls", "seconds for each image"]
    for metric in sweep.metrics:
        head += [metric_words(metric), "front", "against the reference"]
    starred = {point.cell.cell_id for point in content.advice_of(ground).tied}
    lines = tuple(_cell_line(sweep, ground, point) for point in ground.points)
    marked = frozenset(n for n, point in enumerate(ground.points) if point.cell.cell_id in starred)
    return TextTable(sweep.name_of(ground), tuple(head), lines, marked)


def _cell_line(sweep: Sweep, ground: Ground, point: Point) -> tuple[Entry, ...]:
    problem = (point.cell.failure.reason,) if point.cell.failure else ()
    label = point.cell.settings.scheduler.label
    entries = [Entry(label), Entry(str(point.steps)), Entry(_STANDING[point.standing], problem)]
    entries += [Entry(str(point.model_calls)), _seconds(point)]
    for metric in sweep.metrics:
        entries += [_mean(point, metric), Entry(front_words(ground, point, metric)), _difference(point, metric)]
    return tuple(entries)


def front_words(ground: Ground, point: Point, metric: str) -> str:
    """On which front a cell is: "calls, seconds"."""
    costs: dict[Cost, str] = {"model_calls": "calls", "seconds": "seconds"}
    return ", ".join(word for cost, word in costs.items() if point.cell.cell_id in ground.on_front(metric, cost))


def _seconds(point: Point) -> Entry:
    timing = point.cell.timing
    if timing is None:
        return Entry("—", (point.cell.timing_reason or "not timed",) if point.cell.status == "done" else ())
    bounds = timing.latency_interval
    judged = comparison_of(point.cell, "latency")
    between = seconds_span(bounds.low, bounds.high) if bounds else "no interval"
    verdict = (f"{VERDICT_MARKS[judged.verdict]} {judged.verdict}", judged.reason or "") if judged else ()
    return Entry(seconds(timing.latency_s), tuple(filter(None, (between, *verdict))))


def _mean(point: Point, metric: str) -> Entry:
    score = score_of(point.cell, metric)
    if score is None:
        return Entry("—")
    if score.value is None:
        return Entry("—", (score.reason or "no reason was recorded",))
    return Entry(value_text(score), (bounds_text(score), plural(score.n, "image")))


def _difference(point: Point, metric: str) -> Entry:
    found, judged = point.differences.get(metric), comparison_of(point.cell, metric)
    if point.standing == "reference":
        return Entry("reference")
    if found is None:
        return Entry("—")
    small = [interval_words(metric, found), plural(found.n, "prompt")]
    if judged:
        small.append(f"{VERDICT_MARKS[judged.verdict]} {judged.verdict}, margin {margin_text(judged)}")
        small.append(_why_open(judged))
    return Entry(difference_words(metric, found), tuple(filter(None, small)))


def _why_open(judged: Comparison) -> str:
    """Why a comparison settled nothing, and what would; an interval inside the margin wants the reason."""
    if judged.verdict != "inconclusive":
        return ""
    so = if_unchanged(unchanged=judged.settles_unchanged)
    settle = f"about {plural(judged.n_to_settle, judged.unit)} would settle it{so}" if judged.n_to_settle else ""
    return "; ".join(filter(None, (judged.reason, settle)))


def distance_tables(content: SchedulerContent) -> tuple[TextTable, ...]:
    """The distances to the converged pictures, a table for each ground: steps across."""
    tables = []
    for found in content.distances:
        head = ("scheduler", *(f"{steps} steps" for steps in found.steps))
        lines = []
        for name, scores in found.lines:
            words = [cell_words(score) for score in scores]
            lines.append((Entry(name), *(Entry(text, (small,) if small else ()) for text, small in words)))
        tables.append(TextTable(content.sweep.name_of(found.ground), head, tuple(lines)))
    return tuple(tables)

"""A history for a terminal: a line of bars, then each run with what changed before it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.history.sizes import size_text
from harness.compare.history.types import History, Moved, Point, Series
from harness.compare.words import change_text
from harness.report.text import (
    counts_pictures,
    decimals_for,
    mebibytes,
    metric_words,
    moment,
    number,
    percent,
    plural,
    seconds,
    seconds_span,
)

_BARS = "▁▂▃▄▅▆▇█"
_MOST_CHANGES = 6
MARKS = {"better": "▲", "worse": "▼", "moved": "◆"}


def render(found: History) -> str:
    """All series, and what is to be said of them."""
    which = {"higher": ", higher is better", "lower": ", lower is better", None: ""}[found.direction]
    head = f"{metric_words(found.metric)} ({found.unit}{which}) over {plural(found.runs, 'run')}"
    blocks = ["\n".join(_series(found, one)) for one in found.series]
    notes = "\n".join(f"{note[:1].upper()}{note[1:]}{'' if note.endswith('.') else '.'}" for note in found.notes)
    return "\n\n".join(part for part in (head, *blocks, notes) if part)


def _series(found: History, one: Series) -> Iterator[str]:
    yield f"{one.cell}: {plural(len(one.points), 'run')}, {summary(found, one)}"
    yield sparkline([point.value for point in one.points], {moved.at for moved in one.moved})
    moved = {change.at: change for change in one.moved}
    for place, point in enumerate(one.points):
        if place in moved:
            yield f"{MARKS[moved[place].verdict]} {moved_text(found, moved[place])}"
        yield f"  {moment(point.started_ms)}  {point.run_id}  {value_text(found, point)}"
        yield from (f"    changed: {text}" for text in change_texts(point))
    yield from (f"  {note}" for note in one.notes)


def summary(found: History, one: Series) -> str:
    """What a series comes to: "no change of level was found", or where."""
    if one.why_no_test is not None:
        return f"not tested: {one.why_no_test}"
    if not one.moved:
        return "no change of level was found"
    return "; ".join(moved_text(found, change) for change in one.moved)


def moved_text(found: History, change: Moved) -> str:
    """ "worse from RUN on: 80.1 → 78.9 (−1.2, p 0.001)"."""
    size = size_text(found.metric, change.before, change.difference, relative=change.relative)
    sides = f"{_plain(found, change.before)} → {_plain(found, change.after)}"
    why = f", {change.reason}" if change.reason else ""
    return f"{change.verdict} from {change.run_id} on: {sides} ({size}, p {change.p:.3f}){why}"


def value_text(found: History, point: Point) -> str:
    """A value with its interval and count."""
    count = plural(point.n, point.unit)
    if point.low is None or point.high is None:
        return f"{_plain(found, point.value)}  ({count}; no interval: {point.reason})"
    return f"{_plain(found, point.value, point.low, point.high)}  ({_span(found, point.low, point.high)}; {count})"


def change_texts(point: Point) -> list[str]:
    """What changed, the first few."""
    told = [change_text(change) for change in point.changed[:_MOST_CHANGES]]
    more = len(point.changed) - _MOST_CHANGES
    return [*told, f"and {more} more, all of them in --json"] if more > 0 else told


def _plain(
    found: History, value: float, low: float | None = None, high: float | None = None, *, sign: bool = False
) -> str:
    if found.metric == "latency":
        return seconds(value)
    if found.metric == "peak_memory":
        return mebibytes(value)
    if counts_pictures(found.metric):
        return percent(value)
    return number(value, decimals_for(value, low, high))


def _span(found: History, low: float, high: float) -> str:
    if found.metric == "latency":
        return seconds_span(low, high)
    places = decimals_for((low + high) / 2, low, high)
    if found.metric == "peak_memory" or counts_pictures(found.metric):
        return f"{_plain(found, low)} to {_plain(found, high)}"
    return f"{number(low, places)} to {number(high, places)}"


def sparkline(values: list[float], breaks: set[int]) -> str:
    """One bar for each value, the lowest empty and the highest full; a stroke stands before each change of level."""
    low, high = min(values), max(values)
    size = (high - low) or 1.0
    bars = [_BARS[min(7, int(8 * (value - low) / size))] if high > low else _BARS[3] for value in values]
    return "".join(f"|{bar}" if place in breaks else bar for place, bar in enumerate(bars))

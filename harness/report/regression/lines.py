"""The report's tables as texts: the cells, regressed first, and every finding with its margin and reason."""

from __future__ import annotations

from harness.compare import words
from harness.compare.types import Finding
from harness.report.regression.held import Alone, Held, Line
from harness.report.regression.wording import identical, judged, metric_name, noise_words, verdict_entries
from harness.report.text import plural
from harness.report.text_table import Entry, TextTable


def cell_table(held: Held) -> TextTable:
    """A line a cell."""
    head = ("task", "scheduler", "optimization", "pictures identical", "CLIP Δ [90 %]", "latency Δ", "memory Δ",
            "A/A noise", "verdict")  # fmt: skip
    marked = frozenset(place for place, line in enumerate(held.lines) if line.verdict == "regressed")
    return TextTable("", head, (*map(_cell, held.lines), *map(_alone, held.alone)), marked)


def _alone(one: Alone) -> tuple[Entry, ...]:
    """The line of a cell that only one run has."""
    verdict = Entry(f"{words.MARKS['not comparable']} not compared", (f"only the {one.side} has it",))
    return (*map(Entry, one.names), *(Entry("—") for _ in range(5)), verdict)


def _cell(line: Line) -> tuple[Entry, ...]:
    seen, notes = line.cell.pictures, words.cell_notes(line.cell)
    far = (f"up to {seen.largest_difference} of 255 levels",) if seen and seen.largest_difference else ()
    spread, levels = noise_words(line.noise)
    noise = (line.noise.reason or plural(line.noise.visits, "visit"), *filter(None, [levels]))
    first, *rest = verdict_entries(line)
    verdict = Entry(first, (*rest, *filter(None, [line.cell.reason]), *notes))
    costs = [_judged(line.finding(metric)) for metric in ("latency", "peak_memory")]
    names = map(Entry, line.names)
    return (*names, Entry(identical(line), far), _judged(line.quality), *costs, Entry(spread, noise), verdict)


def _judged(finding: Finding | None) -> Entry:
    number, bounds = judged(finding)
    return Entry(number, tuple(filter(None, (metric_name(finding) if _is_quality(finding) else "", bounds))))


def _is_quality(finding: Finding | None) -> bool:
    return finding is not None and finding.metric not in ("latency", "peak_memory")


def finding_table(held: Held) -> TextTable:
    """A line a cell and metric, regressed first."""
    head = ("cell", "what", "baseline", "run", "difference [90 %]", "margin", "n", "verdict", "why")
    found = words.ranked(held.compared)
    marked = frozenset(place for place, (_, one) in enumerate(found) if one.verdict == "regressed")
    lines = tuple((Entry(cell.label), *_finding(finding)) for cell, finding in found)
    return TextTable("", head, lines, marked)


def _finding(finding: Finding) -> tuple[Entry, ...]:
    return (
        Entry(words.metric(finding)), Entry(words.value(finding, finding.baseline)),
        Entry(words.value(finding, finding.run)), Entry(words.change(finding)), Entry(words.margin(finding)),
        Entry(plural(finding.n, finding.unit) if finding.n else "—"),
        Entry(f"{words.MARKS[finding.verdict]} {finding.verdict}"), Entry(words.remark(finding)),
    )  # fmt: skip

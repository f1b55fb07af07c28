"""The report's words: texts of a line's places, what changed, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare import words
from harness.compare.outcome import headline, verdict_of_costs, verdict_of_pictures
from harness.compare.types import Change, Compared, Finding
from harness.compare.undecided import largest_words
from harness.report.regression.held import CLIP, Held, Line
from harness.report.regression.noise import Noise
from harness.report.text import percent

_PACKAGE = "software.packages."


def answer(held: Held) -> str:
    """The comparison in a sentence."""
    return headline(held.compared)


def open_words(held: Held) -> tuple[str, ...]:
    """The one that leans to worse most, where something does."""
    return tuple(filter(None, [largest_words(held.compared)]))


def verdict_entries(line: Line) -> tuple[str, ...]:
    """A line's verdicts, of its pictures and of its costs apart: ("pictures ≈ equivalent", "cost ? inconclusive")."""
    if line.cell.outcome != "compared":
        return (f"{words.MARKS[line.verdict]} {line.cell.outcome}",)
    kinds = (("pictures", verdict_of_pictures(line.cell)), ("cost", verdict_of_costs(line.cell)))
    found = tuple(f"{kind} {words.MARKS[verdict]} {verdict}" for kind, verdict in kinds if verdict is not None)
    return found or (f"{words.MARKS[line.verdict]} {line.verdict}",)


def identical(line: Line) -> str:
    """ "61/64"; a dash where there is nothing to compare."""
    seen = line.cell.pictures
    return f"{seen.identical}/{seen.rows}" if seen is not None else "—"


def judged(finding: Finding | None) -> tuple[str, str]:
    """A finding's mark with its difference, and its interval or why there is none: ("▼ −3.1", "(−3.4 to −2.8)")."""
    if finding is None:
        return "—", ""
    mark = words.MARKS[finding.verdict]
    number, _, bounds = words.change(finding).partition(" (")
    if not number:
        return f"{mark} {finding.verdict}", ""
    return f"{mark} {number}", f"({bounds}" if bounds else ""


def metric_name(finding: Finding | None) -> str:
    """A metric's name where it is not the CLIP score, which a column is headed by."""
    return words.metric(finding) if finding is not None and finding.metric != CLIP else ""


def noise_words(noise: Noise) -> tuple[str, str]:
    """("2.1 %", "0 levels")."""
    levels = "" if noise.levels is None else f"{noise.levels} of 255"
    return percent(noise.spread) if noise.spread is not None else "—", levels


def changed_lines(compared: Compared) -> tuple[str, ...]:
    """What changed, packages first, a line for each kind; then what may have changed unknown to the records."""
    found = [f"Changed {heading}: {'; '.join(map(words.change_text, changes))}" for heading, changes in kinds(compared)]
    return (*compared.unknown, *(found or [words.unchanged(compared)]))


def kinds(compared: Compared) -> Iterator[tuple[str, list[Change]]]:
    """The changes under headings, packages first and by their own names."""
    for heading, changes in words.changes(compared):
        own = [one for one in changes if one.name.startswith(_PACKAGE)]
        rest = [one for one in changes if one not in own]
        if own:
            yield "packages", [one.model_copy(update={"name": one.name.removeprefix(_PACKAGE)}) for one in own]
        if rest:
            yield heading, rest


def caveats(held: Held) -> tuple[str, ...]:
    """What a reader must know beside the table."""
    return (*words.apart(held.compared), *held.aa)


def caption(held: Held, place: int) -> tuple[str, str]:
    """Of a triple: whose picture, and why it is shown."""
    told = held.worst[place].told
    made = f"; difference amplified {told.amplified:.3g} times" if told.amplified else ""
    return f"{told.cell}, seed {told.seed}", f"{told.prompt} ({told.harm}{made})"

"""What a comparison leaves open: how many, which lean to worse, which of these leans most, and what would settle it."""

from __future__ import annotations

from harness.compare import words
from harness.compare.leaning import harm, leans
from harness.compare.types import JUDGED, CellCompared, Compared, Finding
from harness.report.text import if_unchanged, listing, plural
from harness.report.view import COSTS

Open = tuple[CellCompared, Finding]
_NAMED = 2  # of those that lean to worse, in a headline


def undecided(compared: Compared) -> list[Open]:
    """Every inconclusive finding, in the cells' order."""
    return [(cell, one) for cell, one in compared.findings() if one.verdict == "inconclusive"]


def leaning(compared: Compared) -> list[Open]:
    """The findings that lean to worse, those that lean most (in margins) first."""
    found = [one for one in undecided(compared) if leans(one[1])]
    return sorted(found, key=lambda one: -(harm(one[1]) or 0.0))


def undecided_words(compared: Compared) -> str:
    """ "2 of 6 comparisons in 2 shared cells could not be settled (2 of pictures; 1 leaning worse: …)"."""
    found = undecided(compared)
    judged = sum(one.verdict in JUDGED for _, one in compared.findings())
    costs = sum(one.metric in COSTS for _, one in found)
    kinds = [(len(found) - costs, "of pictures"), (costs, "of speed or memory")]
    told = [f"{count} {what}" for count, what in kinds if count]
    where = f"{plural(judged, 'comparison')} in {plural(len(compared.cells), 'shared cell')}"
    return f"{len(found)} of {where} could not be settled ({', '.join(told)}; {_leaning(compared)})"


def _leaning(compared: Compared) -> str:
    found = leaning(compared)
    if not found:
        return "none leaning worse"
    named = [f"{words.metric(one)} of {cell.label}" for cell, one in found]
    return f"{len(found)} leaning worse: {listing(named, _NAMED)}"


def largest_words(compared: Compared) -> str | None:
    """A sentence on the one that leans to worse most: its interval, what would settle it; ``None``: none does."""
    found = leaning(compared)
    if not found:
        return None
    cell, one = found[0]
    about = [_difference(one), f"margin {words.margin(one)}" if one.margin is not None else "", _n(one), settles(one)]
    which = "Leaning worse" if len(found) == 1 else "Leaning worse the most"
    return f"{which}: {cell.label}, {words.metric(one)} {'; '.join(part for part in about if part)}."


def _difference(finding: Finding) -> str:
    number, _, bounds = words.change(finding).partition(" (")
    return f"{number} (90 % interval {bounds}" if bounds else f"{number} (no interval)"


def _n(finding: Finding) -> str:
    return plural(finding.n, finding.unit) if finding.n else ""


def settles(finding: Finding) -> str:
    """What would settle an inconclusive finding: a number of prompts or visits, or why no number would."""
    if finding.n_to_settle is None:
        return f"no number of {finding.unit}s is known to settle it{f': {finding.reason}' if finding.reason else ''}"
    would = f"would settle it{if_unchanged(unchanged=finding.settles_unchanged)}"
    return f"about {plural(finding.n_to_settle, finding.unit)} {would}"

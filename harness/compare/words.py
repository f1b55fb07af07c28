"""A comparison's numbers as people read them: what the terminal, the Markdown and the JUnit file say alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.compare.leaning import leans
from harness.compare.types import PIXELS, RESULT, CellCompared, Change, Compared, Finding, Pictures, Verdict
from harness.report.text import (
    POINTS_WORDS,
    VERDICT_MARKS,
    counts_pictures,
    decimals_for,
    if_unchanged,
    listing,
    mebibytes,
    metric_words,
    number,
    percent,
    plural,
    points,
    seconds,
    span,
)

MARKS: dict[str, str] = {**VERDICT_MARKS, "not comparable": "≠", "no verdict": "·"}
RANK: dict[Verdict, int] = {  # regressed first
    "regressed": 0, "inconclusive": 1, "improved": 2, "not comparable": 3, "equivalent": 4, "no verdict": 5,
}  # fmt: skip
_LONG = 60


def ranked(compared: Compared) -> list[tuple[CellCompared, Finding]]:
    """All findings, regressed first."""
    return sorted(compared.findings(), key=lambda found: RANK[found[1].verdict])


def metric(finding: Finding) -> str:
    """What was compared: "CLIP score"."""
    return {RESULT: "result", PIXELS: "every pixel"}.get(finding.metric) or metric_words(finding.metric)


def value(finding: Finding, what: float | None) -> str:
    """A side's number with its unit; a dash where there is none."""
    if what is None:
        return "—"
    if finding.metric == "latency":
        return seconds(what)
    if finding.metric == "peak_memory":
        return mebibytes(what)
    return percent(what) if counts_pictures(finding.metric) else number(what, decimals_for(what, None, None))


def change(finding: Finding) -> str:
    """The difference with its interval: "−1.50 (−1.62 to −1.38)"; of shares in points of a percentage."""
    if finding.difference is None:
        return ""
    bounds = finding.interval
    if finding.relative:
        text = percent(finding.difference, sign=True)
        ends = "" if bounds is None else f" ({percent(bounds.low, sign=True)} to {percent(bounds.high, sign=True)})"
        return text + ends
    if counts_pictures(finding.metric):
        ends = "" if bounds is None else f" ({span(100 * bounds.low, 100 * bounds.high, 1, sign=True)})"
        return points(finding.difference, sign=True) + ends
    places = decimals_for(finding.difference, *((bounds.low, bounds.high) if bounds is not None else (None, None)))
    text = number(finding.difference, places, sign=True)
    return text if bounds is None else f"{text} ({span(bounds.low, bounds.high, places, sign=True)})"


def margin(finding: Finding) -> str:
    """The margin: "0.3", "3.0 %", "5.0 %-points"."""
    if finding.margin is None:
        return ""
    if finding.relative or counts_pictures(finding.metric):
        return percent(finding.margin) if finding.relative else points(finding.margin)
    return f"{finding.margin:g}"


def _size(finding: Finding, size: float) -> str:
    if finding.relative or counts_pictures(finding.metric):
        return percent(size) if finding.relative else points(size)
    return f"{size:#.2g}".rstrip(".")


def remark(finding: Finding) -> str:
    """Why it is so, how many would settle it, and what else is to be known."""
    parts = [finding.reason or ""]
    if finding.n_to_settle is not None:
        would = f"would settle it{if_unchanged(unchanged=finding.settles_unchanged)}"
        parts.append(f"about {plural(finding.n_to_settle, finding.unit)} {would}, {finding.n} were there")
    if finding.verdict == "inconclusive" and finding.smallest_effect is not None:
        parts.append(f"worse by {_size(finding, finding.smallest_effect)} would have been called, 4 times in 5")
    if leans(finding):
        parts.append("it leans to worse")
    return "; ".join(part for part in (*parts, *finding.notes) if part)


def pictures(found: Pictures | None) -> str:
    """ "pictures identical 61/64, the others up to 4 of 255 levels apart"."""
    if found is None:
        return ""
    if not found.rows:
        return "no row is in both runs"
    parts = [f"pictures identical {found.identical}/{found.rows}"]
    if found.different and found.largest_difference:
        parts.append(f"the others up to {found.largest_difference} of 255 levels apart")
    parts += [f"{found.resized} of another size"] if found.resized else []
    parts += [f"{found.missing} no longer stored"] if found.missing else []
    parts += [f"{found.unread} not opened: no PNG, or larger than the cell's own size"] if found.unread else []
    return ", ".join(parts)


def cell_notes(cell: CellCompared) -> list[str]:
    """What is to be known of a pair of cells beside its metrics."""
    only = [(cell.rows_only_baseline, "baseline"), (cell.rows_only_run, "run")]
    rows = [f"{plural(count, 'row')} in the {side} only" for count, side in only if count]
    return [*rows, *cell.notes]


def change_text(found: Change) -> str:
    """ "software.packages.torch: 2.14.1 → 2.15.0"."""
    whose = f" ({listing(list(found.cells))})" if found.cells else ""
    return f"{found.name}: {_plain(found.baseline)} → {_plain(found.run)}{whose}"


def changes(compared: Compared) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """What is not the same in the two runs, under headings; those without a change are left out."""
    for heading, found in (
        ("environment", compared.environment),
        ("schedulers as loaded", compared.schedulers),
        ("weights", compared.weights),
    ):
        if found:
            yield heading, found


def apart(compared: Compared) -> list[str]:
    """Runs that are not finished, what is to be said of margins and timings, and what a unit means."""
    shares = any(counts_pictures(one.metric) and one.difference is not None for _, one in compared.findings())
    unfinished = [(side, what) for side, what in (("baseline", compared.baseline), ("run", compared.run))]
    return [
        *(what.unfinished.replace("This run", f"The {side}", 1) for side, what in unfinished if what.unfinished),
        *compared.notes,
        *([POINTS_WORDS] if shares else []),
    ]


def one_sided(compared: Compared) -> list[tuple[str, str]]:
    """Cells that only one run has, with what is said of each, the baseline's first."""
    sides = ((compared.only_baseline, "the baseline"), (compared.only_run, "the run"))
    labels = [cell.label for cells, _ in sides for cell in cells]
    return [
        (cell.name if labels.count(cell.label) > 1 else cell.label, f"only {side} has it")
        for cells, side in sides
        for cell in cells
    ]


def unchanged(compared: Compared) -> str:
    """What is to be said where no change is known."""
    shared = "nor, in the shared cells, in the schedulers as loaded or the weights" if compared.cells else ""
    told = f"changed in the environment{f', {shared}' if shared else ''}."
    if not compared.unknown:
        return f"Nothing {told}"
    return f"Nothing else is known to have {told}"


def _plain(what: Any) -> str:
    text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"

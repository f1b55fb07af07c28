"""A comparison for a terminal."""

from __future__ import annotations

from harness.compare import words
from harness.compare.outcome import cell_verdict, headline
from harness.compare.strict import strict_would
from harness.compare.types import CellCompared, Compared, Finding
from harness.compare.undecided import largest_words
from harness.report.text import plural


def render(compared: Compared, *, strict: bool = False) -> str:
    """The headline, each cell with its metrics, what changed, and the worst pictures.

    ``strict``: it is told elsewhere what is open; else that a gate would not leave it at that.
    """
    sides = f"{compared.baseline.run_id} (baseline) and {compared.run.run_id}"
    head = [sides, headline(compared), *filter(None, [largest_words(compared)])]
    changed = [
        "\n".join([f"changed, {heading}:", *(f"  {words.change_text(one)}" for one in found)])
        for heading, found in words.changes(compared)
    ]
    worst = [f"{one.file}: {one.cell}, seed {one.seed}: {one.prompt} ({one.harm})" for one in compared.worst]
    alone = [f"{words.MARKS['not comparable']} {label}: {why}" for label, why in words.one_sided(compared)]
    about = [*compared.unknown, *words.apart(compared)]
    worst_first = sorted(compared.cells, key=lambda cell: cell_verdict(cell) != "regressed")
    blocks = [*map(_cell, worst_first), "\n".join(alone), *changed, "\n".join(about), "\n".join(worst)]
    blocks += [] if strict else [strict_would(compared)]
    return "\n\n".join(["\n".join(head), *(block for block in blocks if block)])


def _cell(cell: CellCompared) -> str:
    about = [words.pictures(cell.pictures)] if cell.outcome == "compared" else [cell.outcome]
    told = "; ".join(part for part in (*about, *words.cell_notes(cell)) if part)
    return "\n".join([f"{cell.label}: {told}" if told else cell.label, *map(_finding, cell.findings)])


def _finding(finding: Finding) -> str:
    sides = f"{words.value(finding, finding.baseline)} → {words.value(finding, finding.run)}"
    number = words.change(finding)
    margin = f"margin {words.margin(finding)}" if finding.margin is not None else ""
    parts = [sides if finding.baseline is not None or finding.run is not None else "", number, margin,
             plural(finding.n, finding.unit) if finding.n else "", words.remark(finding)]  # fmt: skip
    told = "; ".join(part for part in parts if part)
    return f"  {words.MARKS[finding.verdict]} {words.metric(finding)}: {finding.verdict}; {told}".rstrip("; ")

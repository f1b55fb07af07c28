"""A comparison as Markdown for a pull request: one short table, regressed first."""

from __future__ import annotations

from collections import Counter

from harness.compare import words
from harness.compare.outcome import headline
from harness.compare.types import CellCompared, Compared, Finding
from harness.report.markdown import escape, table_line
from harness.report.text import moment, plural

_HEAD = ("cell", "what", "baseline → run", "difference [90 %]", "margin", "pictures identical", "verdict", "why")
_QUIET = ("equivalent", "no verdict")  # counted below the table, when there are many
_FEW = 12


def render_markdown(compared: Compared, *, folder: str = "") -> str:
    """The whole as Markdown.

    Args:
        compared: what is said.
        folder: where the worst pictures lie, seen from where the text will lie; "" where it is the same folder.
    """
    parts = [
        f"### {escape(headline(compared))}",
        f"Baseline `{compared.baseline.run_id}` ({moment(compared.baseline.started_ms)}), "
        f"run `{compared.run.run_id}` ({moment(compared.run.started_ms)}).",
        _changes(compared),
        _table(compared),
        "\n".join(f"- {escape(note)}" for note in [*words.apart(compared), *_of_cells(compared)]),
        _worst(compared, folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _changes(compared: Compared) -> str:
    """Under a heading that folds, for they may be many."""
    found = [(heading, one) for heading, changes in words.changes(compared) for one in changes]
    if not found:
        return "Nothing changed in the environment, the schedulers as loaded, or the weights."
    lines = [f"- {escape(heading)}: {escape(words.change_text(one))}" for heading, one in found]
    counts = Counter(heading for heading, _ in found)
    told = ", ".join(f"{heading} {count}" for heading, count in counts.items())
    return f"<details><summary>Changed: {escape(told)}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _table(compared: Compared) -> str:
    found = words.ranked(compared)
    shown = found if len(found) <= _FEW else [one for one in found if one[1].verdict not in _QUIET]
    if not shown:
        return _rest(compared, found)
    lines = [table_line(_HEAD), table_line(["---"] * len(_HEAD)), *(_line(*one) for one in shown)]
    left = [one for one in found if one not in shown]
    return "\n".join(lines) + (f"\n\n{_rest(compared, left)}" if left else "")


def _rest(compared: Compared, found: list[tuple[CellCompared, Finding]]) -> str:
    counts = Counter(finding.verdict for _, finding in found)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"Not in the table: {told}." if told else ""


def _line(cell: CellCompared, finding: Finding) -> str:
    sides = f"{words.value(finding, finding.baseline)} → {words.value(finding, finding.run)}"
    bold = finding.verdict == "regressed"
    verdict = f"{words.MARKS[finding.verdict]} {finding.verdict}"
    same = f"{cell.pictures.identical}/{cell.pictures.rows}" if cell.pictures else "—"
    texts = [cell.label, words.metric(finding), sides, words.change(finding), words.margin(finding), same]
    told = f"**{escape(verdict)}**" if bold else escape(verdict)
    return table_line([*map(escape, texts), told, escape(words.remark(finding))])


def _of_cells(compared: Compared) -> list[str]:
    told = []
    for cell in compared.cells:
        notes = words.cell_notes(cell)
        seen = cell.pictures
        if seen is not None and (seen.different or seen.missing or not seen.rows):
            notes = [words.pictures(seen), *notes]
        told += [f"{cell.label}: {'; '.join(notes)}"] if notes else []
    return told


def _worst(compared: Compared, folder: str) -> str:
    if not compared.worst:
        return ""
    blocks = [f"The {plural(len(compared.worst), 'picture')} that lost most: old, new, difference."]
    for one in compared.worst:
        made = f", difference amplified {one.amplified:.3g} times" if one.amplified else ""
        text = f"{one.cell}, seed {one.seed}: {one.prompt} ({one.harm}{made})"
        blocks.append(f"![old, new and difference]({folder}{one.file})\n{escape(text)}")
    return "\n\n".join(blocks)

"""A comparison as Markdown for a pull request: one short table, regressed first."""

from __future__ import annotations

from collections import Counter

from harness.compare import words
from harness.compare.outcome import headline
from harness.compare.strict import strict_lines
from harness.compare.types import CellCompared, Compared, Finding
from harness.compare.undecided import largest_words
from harness.report.markdown import escape, table_line
from harness.report.text import moment, plural

_HEAD = ("cell", "what", "baseline → run", "difference [90 %]", "margin", "pictures identical", "verdict", "why")
_QUIET = ("equivalent", "no verdict")  # counted below the table, when there are many
_FEW = 12


def render_markdown(compared: Compared, *, folder: str = "", strict: bool = False) -> str:
    """The whole as Markdown.

    Args:
        compared: what is said.
        folder: where the worst pictures lie, seen from where the text will lie; "" where it is the same folder.
        strict: say what is open, where the gate leaves with 3 for it.
    """
    parts = [
        f"### {escape(headline(compared))}",
        escape(largest_words(compared) or ""),
        _strict(compared) if strict else "",
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
    unknown = escape(" ".join(compared.unknown))
    if not found:
        return f"{unknown} {escape(words.unchanged(compared))}".lstrip()
    lines = [f"- {escape(heading)}: {escape(words.change_text(one))}" for heading, one in found]
    counts = Counter(heading for heading, _ in found)
    told = ", ".join(f"{heading} {count}" for heading, count in counts.items())
    folded = f"<details><summary>Changed: {escape(told)}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"
    return "\n\n".join(part for part in (unknown, folded) if part)


def _strict(compared: Compared) -> str:
    """A list under its heading, and what to do."""
    lines = [escape(line) for line in strict_lines(compared)]
    if not lines:
        return ""
    return "\n".join([lines[0], "", *(f"- {line}" for line in lines[1:-1]), "", lines[-1]])


def _table(compared: Compared) -> str:
    found = words.ranked(compared)
    shown = found if len(found) <= _FEW else [one for one in found if one[1].verdict not in _QUIET]
    alone = words.one_sided(compared)
    if not shown and not alone:
        return _rest(found)
    lines = [table_line(_HEAD), table_line(["---"] * len(_HEAD)), *(_line(*one) for one in shown)]
    lines += [_alone(*one) for one in alone[:_FEW]]
    left = _rest([one for one in found if one not in shown], len(alone) - _FEW)
    return "\n".join(lines) + (f"\n\n{left}" if left else "")


def _alone(label: str, why: str) -> str:
    """The line of a cell that only one run has."""
    dashes = ["—"] * (len(_HEAD) - 4)
    return table_line([escape(label), "result", *dashes, f"{words.MARKS['not comparable']} not compared", escape(why)])


def _rest(found: list[tuple[CellCompared, Finding]], alone: int = 0) -> str:
    counts = Counter(finding.verdict for _, finding in found)
    parts = [f"{count} {verdict}" for verdict, count in counts.items()]
    parts += [f"{plural(alone, 'cell')} of one run only"] if alone > 0 else []
    told = ", ".join(parts)
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
        if seen is not None and (seen.identical < seen.rows or not seen.rows):
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

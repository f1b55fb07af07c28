"""What the votes come to, for a terminal and as Markdown."""

from __future__ import annotations

from harness.compare.judge import words
from harness.compare.judge.types import Judgement
from harness.report.markdown import escape
from harness.report.text_table import TextTable, markdown_table


def render(found: Judgement) -> str:
    """For a terminal: the headline, the tables, and how far to trust them."""
    head = [f"{found.run_id}, page {found.page}: {found.question}", words.headline(found)]
    blocks = ["\n".join([table.title, *_aligned(table)]) for table in words.tables(found)]
    return "\n\n".join(["\n".join(head), *blocks, "\n".join(words.remarks(found))])


def _aligned(table: TextTable) -> list[str]:
    rows = [table.head, *(tuple(entry.text for entry in line) for line in table.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def render_markdown(found: Judgement) -> str:
    """As Markdown for a pull request or a paper's appendix."""
    made = f"Run `{found.run_id}`, page `{found.page}`, seed {found.seed}. Asked: {escape(found.question)}"
    blocks = [f"**{escape(table.title)}**\n\n{markdown_table(table)}" for table in words.tables(found)]
    remarks = "\n".join(f"- {escape(line)}" for line in words.remarks(found))
    return "\n\n".join([f"### {escape(words.headline(found))}", made, *blocks, remarks]) + "\n"

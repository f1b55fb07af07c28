"""Tables as texts: what a page and the Markdown of a comparison show alike."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.markdown import escape, table_line


@dataclass(frozen=True)
class Entry:
    """One place of a table: a text, and smaller ones under it."""

    text: str
    small: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextTable:
    """A table as texts; ``marked`` are the numbers of the lines that are recommended."""

    title: str
    head: tuple[str, ...]
    lines: tuple[tuple[Entry, ...], ...]
    marked: frozenset[int] = frozenset()


def markdown_table(table: TextTable) -> str:
    """A table's lines in Markdown, without its title."""
    rule = ["---"] * len(table.head)
    rows = [[_entry(entry, bold=n in table.marked) for entry in line] for n, line in enumerate(table.lines)]
    return "\n".join(table_line(line) for line in ([escape(name) for name in table.head], rule, *rows))


def _entry(entry: Entry, *, bold: bool) -> str:
    text = escape(entry.text)
    return "<br>".join([f"**{text}**" if bold and text else text, *(escape(small) for small in entry.small)])

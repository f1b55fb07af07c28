"""The report as Markdown that GitHub renders, with pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from harness.report.content import Content
from harness.report.page import compared_metrics, environment
from harness.report.pictures import Grid
from harness.report.table import Against, Number, Row, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def render_markdown(content: Content, grid: Grid) -> str:
    """The Markdown text; it names ``quality-latency.png`` and ``pictures.png`` where there is something to show."""
    return markdown_from(
        "report.md.j2",
        view=content.view,
        said=content.said,
        table=content.table,
        table_lines="\n".join(_table(content.table)),
        sections=content.sections,
        pictures=grid if grid.strips else None,
        charts=[chart for chart in content.charts if chart.name.startswith("quality-latency")],
        between=content.between,
    )


def markdown_from(template: str, **values: Any) -> str:
    """Markdown of any kind: the template with its values, and no more than one empty line between blocks."""
    surroundings = environment(autoescape=False)
    surroundings.filters |= {"md": escape, "md_code": code_block}
    text = surroundings.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _table(table: Table) -> list[str]:
    compared = compared_metrics(table)
    names = [*(column.key for column in table.columns), *(f"{metric} against the reference" for metric in compared)]
    head = ["cell", *(["was it on"] if table.asks else []), "model calls", *names]
    rule = ["---", *(["---"] if table.asks else []), *["---:"] * (len(table.columns) + 1), *["---"] * len(compared)]
    return [
        table_line(cells)
        for cells in ([escape(n) for n in head], rule, *(_row(r, table, compared) for r in table.rows))
    ]


def table_line(cells: Sequence[str]) -> str:
    """One line of a table; its texts are escaped already."""
    return f"| {' | '.join(cells)} |"


def _row(row: Row, table: Table, compared: list[str]) -> list[str]:
    label = f"**{escape(row.label)}** (reference)" if row.is_reference else escape(row.label)
    first = [label, *([row.was_on] if table.asks else []), str(row.model_calls)]
    if row.problem:
        rest = len(table.columns) + len(compared) - 1
        return [*first, escape(f"{row.status}: {row.problem}"), *[""] * rest]
    numbers = [_number(row.numbers[column.key]) for column in table.columns]
    return [*first, *numbers, *(_against(row.against.get(metric)) for metric in compared)]


def escape(text: object) -> str:
    """Text with everything escaped that Markdown or HTML would read as markup; line breaks become spaces."""
    flat = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", flat.replace("&", "&amp;"))


def code_block(text: str) -> str:
    """A fenced block whose fence is longer than any run of backticks in the text."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text) or [""]))
    return f"{fence}yaml\n{text.rstrip()}\n{fence}"


def _number(number: Number) -> str:
    if not number.applies:
        return number.text
    if number.reason is not None:
        return f"— ({escape(number.reason)})"
    parts = [number.text, number.interval_text and f"({number.interval_text})", number.count_text]
    return "<br>".join(escape(part) for part in parts if part)


def _against(against: Against | None) -> str:
    if against is None:
        return ""
    parts = [
        f"{against.mark} {against.verdict}",
        " ".join(p for p in (against.difference, against.interval and f"({against.interval})") if p),
        against.remark,
    ]
    return "<br>".join(escape(part) for part in parts if part)

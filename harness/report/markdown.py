"""The report as Markdown that GitHub renders, with pictures beside it."""

from __future__ import annotations

import re

from harness.report.answer import Answer
from harness.report.between_ends import Walk
from harness.report.charts import Chart
from harness.report.page import compared_metrics, environment
from harness.report.pictures import Grid
from harness.report.provenance import Section
from harness.report.table import Against, Number, Row, Table
from harness.report.view import RunView

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def render_markdown(
    view: RunView,
    said: Answer,
    table: Table,
    sections: tuple[Section, ...],
    grid: Grid,
    charts: list[Chart],
    between: tuple[Walk, ...] = (),
) -> str:
    """The Markdown text; it names ``quality-latency.png`` and ``pictures.png`` where there is something to show."""
    surroundings = environment(autoescape=False)
    surroundings.filters |= {"md": escape, "md_code": code_block}
    text = surroundings.get_template("report.md.j2").render(
        view=view,
        said=said,
        table=table,
        table_lines="\n".join(_table(table)),
        sections=sections,
        pictures=grid if grid.strips else None,
        charts=[chart for chart in charts if chart.name.startswith("quality-latency")],
        between=between,
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _table(table: Table) -> list[str]:
    compared = compared_metrics(table)
    names = [*(column.key for column in table.columns), *(f"{metric} against the reference" for metric in compared)]
    head = ["cell", "model calls", *names]
    rule = ["---", *["---:"] * (len(table.columns) + 1), *["---"] * len(compared)]
    lines = [[escape(name) for name in head], rule, *(_row(row, table, compared) for row in table.rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _row(row: Row, table: Table, compared: list[str]) -> list[str]:
    label = f"**{escape(row.label)}** (reference)" if row.is_reference else escape(row.label)
    if row.problem:
        rest = len(table.columns) + len(compared) - 1
        return [label, str(row.model_calls), escape(f"{row.status}: {row.problem}"), *[""] * rest]
    numbers = [_number(row.numbers[column.key]) for column in table.columns]
    return [label, str(row.model_calls), *numbers, *(_against(row.against.get(metric)) for metric in compared)]


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

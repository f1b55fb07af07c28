"""The comparison as one self-contained page, and as Markdown."""

from __future__ import annotations

from harness.report.markdown import markdown_from
from harness.report.page import page_from
from harness.report.schedulers.content import SchedulerContent
from harness.report.schedulers.distance import solution_words
from harness.report.schedulers.front import MEANING
from harness.report.schedulers.lines import cell_tables, distance_tables, needs_table
from harness.report.schedulers.needs import HOLDS
from harness.report.schedulers.strips import strip_block
from harness.report.text_table import markdown_table


def render_scheduler_page(content: SchedulerContent) -> str:
    """The page."""
    view = content.view
    return page_from(
        "schedulers.html.j2",
        content.charts,
        view=view,
        content=content,
        several=len(content.sweep.models) > 1,
        needs=needs_table(content),
        tables=cell_tables(content),
        distances=distance_tables(content),
        solution=solution_words(view),
        blocks=[strip_block(view, strip, content.advice_of(strip.ground)) for strip in content.strips],
        front=MEANING,
        holds=HOLDS,
        sections=content.sections,
    )


def render_scheduler_markdown(content: SchedulerContent, pictures: dict[str, bytes]) -> str:
    """The Markdown; ``pictures`` are the files beside it, of which it shows those that are there."""
    return markdown_from(
        "schedulers.md.j2",
        view=content.view,
        content=content,
        summaries=[name for name in pictures if name.startswith("summary")],
        has=set(pictures),
        needs=markdown_table(needs_table(content)),
        tables=[(table.title, markdown_table(table)) for table in cell_tables(content)],
        distances=[(table.title, markdown_table(table)) for table in distance_tables(content)],
        solution=solution_words(content.view),
        notes=list(dict.fromkeys(strip.note for strip in content.strips)),
        front=MEANING,
        holds=HOLDS,
        sections=content.sections,
    )

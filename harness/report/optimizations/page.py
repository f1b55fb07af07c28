"""The audit as one self-contained page, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.report.markdown import markdown_from
from harness.report.optimizations.audit import Audit, Family
from harness.report.optimizations.beside import block_of
from harness.report.optimizations.content import AuditContent
from harness.report.optimizations.lines import cost_table, evidence_table, ladder_table, stage_table
from harness.report.optimizations.picture_lines import picture_table
from harness.report.optimizations.wording import BREAK_EVEN, SAMENESS, intervals_words
from harness.report.page import page_from
from harness.report.text_table import TextTable, markdown_table

_Maker = Callable[[Audit, Family], TextTable | None]


def render_audit_page(content: AuditContent) -> str:
    """The page."""
    blocks = [block_of(content.beside)] if content.beside else []
    return page_from("optimizations.html.j2", content.charts, blocks=blocks, **_values(content), **_tables(content))


def render_audit_markdown(content: AuditContent, pictures: dict[str, bytes]) -> str:
    """The Markdown; ``pictures`` are the files beside it, of which it shows those that are there."""
    tables = {
        name: [(table.title, markdown_table(table)) for table in found] for name, found in _tables(content).items()
    }
    return markdown_from("optimizations.md.j2", has=set(pictures), **_values(content), **tables)


def _values(content: AuditContent) -> dict[str, Any]:
    in_turns = any(one.in_turns for one in content.audit.cells)
    texts = {"intervals": intervals_words(in_turns=in_turns), "sameness": SAMENESS, "break_even": BREAK_EVEN}
    return {"view": content.view, "content": content, "sections": content.sections, **texts}


def _tables(content: AuditContent) -> dict[str, list[TextTable]]:
    audit = content.audit
    makers: dict[str, _Maker] = {
        "costs": cost_table, "ladders": ladder_table, "pictures": picture_table, "stages": stage_table,
    }  # fmt: skip
    found = {name: [make(audit, family) for family in audit.families] for name, make in makers.items()}
    tables = {name: [table for table in made if table is not None] for name, made in found.items()}
    evidence = evidence_table(audit)
    return {**tables, "evidence": [evidence] if evidence.lines else []}

"""The regression report as one self-contained page, and as Markdown."""

from __future__ import annotations

import base64
from typing import Any

from harness.report.markdown import markdown_from
from harness.report.page import page_from
from harness.report.regression.content import RegressionContent
from harness.report.regression.lines import cell_table, finding_table
from harness.report.regression.noise import RULE
from harness.report.regression.wording import caption
from harness.report.text_table import markdown_table


def render_regression_page(content: RegressionContent) -> str:
    """The page."""
    worst = [
        {**told, "uri": f"data:image/png;base64,{base64.b64encode(png).decode()}"} for told, png in _worst(content)
    ]
    tables = {"cells": cell_table(content.held), "findings": finding_table(content.held)}
    return page_from("regression.html.j2", [], worst=worst, **_values(content), **tables)


def render_regression_markdown(content: RegressionContent) -> str:
    """The Markdown; it names ``summary.png`` and the worst pictures, which lie beside it."""
    tables = {
        "cells": markdown_table(cell_table(content.held)), "findings": markdown_table(finding_table(content.held)),
    }  # fmt: skip
    return markdown_from("regression.md.j2", worst=[told for told, _ in _worst(content)], **_values(content), **tables)


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _values(content: RegressionContent) -> dict[str, Any]:
    return {"view": content.view, "content": content, "sections": content.sections, "noise": RULE}


def _worst(content: RegressionContent) -> list[tuple[dict[str, str], bytes]]:
    found = []
    for place, one in enumerate(content.held.worst):
        whose, why = caption(content.held, place)
        found.append(({"whose": whose, "why": why, "file": one.told.file}, one.png))
    return found

"""What the page and the Markdown of a run tell alike, gathered once."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.answer import Answer
from harness.report.between_ends import Walk
from harness.report.charts import Chart
from harness.report.provenance import Section
from harness.report.table import Table
from harness.report.view import RunView


@dataclass(frozen=True)
class Content:
    """A run's general report, before it is a page, Markdown or JSON."""

    view: RunView
    said: Answer
    table: Table
    sections: tuple[Section, ...]
    charts: tuple[Chart, ...] = ()
    between: tuple[Walk, ...] = ()

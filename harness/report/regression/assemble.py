"""A run's view and a baseline → every file of the regression report, in memory."""

from __future__ import annotations

from harness.report.images import png_bytes
from harness.report.regression.content import gather
from harness.report.regression.files import regression_csv, regression_json
from harness.report.regression.page import render_regression_markdown, render_regression_page
from harness.report.regression.summary import draw_summary
from harness.report.view import RunView


def assemble_regression(view: RunView, against: str, *, compact: bool) -> dict[str, bytes]:
    """File name → content.

    Raises:
        HarnessError: there is no such baseline, or it cannot be read.
    """
    content = gather(view, against, public=compact)
    files = {
        "report.md": render_regression_markdown(content).encode(),
        "table.csv": regression_csv(content).encode(),
        "results.json": regression_json(content, public=compact).encode(),
        "summary.png": png_bytes(draw_summary(content), 256 if compact else None),
        **{one.told.file: one.png for one in content.held.worst},
    }
    if not compact:
        files["report.html"] = render_regression_page(content).encode()
    return files

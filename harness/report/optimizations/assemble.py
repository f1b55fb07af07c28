"""A run's view → every file of the audit of optimizations, in memory."""

from __future__ import annotations

import io

from PIL import Image

from harness.report.charts import Chart
from harness.report.images import chart_bytes, png_bytes, stacked
from harness.report.optimizations.beside import draw_beside
from harness.report.optimizations.content import AuditContent, gather
from harness.report.optimizations.files import audit_csv, audit_json
from harness.report.optimizations.page import render_audit_markdown, render_audit_page
from harness.report.optimizations.summary import draw_summary
from harness.report.view import RunView


def assemble_optimizations(view: RunView, *, compact: bool) -> dict[str, bytes]:
    """File name → content.

    Raises:
        UsageError: the run compares no optimizations with a reference.
    """
    content = gather(view, public=compact)
    pictures = _pictures(content, compact=compact)
    files = {
        "report.md": render_audit_markdown(content, pictures).encode(),
        "table.csv": audit_csv(content).encode(),
        "results.json": audit_json(content).encode(),
        **pictures,
    }
    if not compact:
        files["report.html"] = render_audit_page(content).encode()
    return files


def _pictures(content: AuditContent, *, compact: bool) -> dict[str, bytes]:
    """The PNG files; a run whose pictures and latents do not differ has the summary alone."""
    colours = 256 if compact else None
    found = {"summary.png": png_bytes(draw_summary(content), colours)}
    if content.beside:
        found["pictures.png"] = png_bytes(draw_beside(content.beside, 72 if compact else 96), colours)
    if content.drifts:
        found["latents.png"] = chart_bytes(_stack(content.drifts, compact=compact))
    return found


def _stack(charts: tuple[Chart, ...], *, compact: bool) -> Image.Image:
    scale = 1.25 if compact else 2.0
    return stacked([Image.open(io.BytesIO(chart.png(scale))).convert("RGBA") for chart in charts])

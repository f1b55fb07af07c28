"""A run's view → every file of its report, in memory."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from harness.report.against_reference import against_reference
from harness.report.answer import answer
from harness.report.between_ends import walks
from harness.report.charts import Chart
from harness.report.content import Content
from harness.report.files import results_json, table_csv
from harness.report.images import chart_bytes, png_bytes, stacked
from harness.report.markdown import render_markdown
from harness.report.page import render_page
from harness.report.pictures import choose, draw
from harness.report.provenance import provenance
from harness.report.quality_latency import quality_latency
from harness.report.summary import draw_summary
from harness.report.table import build_table
from harness.report.text import WITHOUT_BETTER
from harness.report.view import RunView, score_of

_STILL = (660, 380)  # pixels of a chart, drawn twice as large
_PROMPTS, _FLAT_PROMPTS, _FLAT_CELLS = 8, 6, 12


def assemble(view: RunView, *, compact: bool) -> dict[str, bytes]:
    """File name → content. A run without pictures or numbers has no pictures or charts.

    Args:
        view: the run.
        compact: leave out the page and keep pictures small.
    """
    said, table, sections = answer(view), build_table(view), provenance(view, public=compact)
    content = Content(view, said, table, sections, tuple(_charts(view)), walks(view))
    stills, flat = _stills(view), choose(view, _FLAT_PROMPTS, _FLAT_CELLS)
    colours = 256 if compact else None
    files = {
        "report.md": render_markdown(content, flat).encode(),
        "table.csv": table_csv(view, table).encode(),
        "results.json": results_json(content).encode(),
        "summary.png": png_bytes(draw_summary(view, said, stills[0] if stills else None), colours),
    }
    if flat.strips:
        files["pictures.png"] = png_bytes(draw(view, flat, tile=72 if compact else 96), colours)
    if stills:
        files["quality-latency.png"] = chart_bytes(stacked(stills))
    if not compact:
        files["report.html"] = render_page(content, choose(view, _PROMPTS)).encode()
    return files


def _charts(view: RunView) -> list[Chart]:
    """Each quality metric against latency, then each compared metric against the reference."""
    makers: list[Callable[[RunView, str], Chart | None]] = [quality_latency, against_reference]
    made = [make(view, metric) for make in makers for metric in _charted(view)]
    return [chart for chart in made if chart is not None]


def _charted(view: RunView) -> list[str]:
    """The metrics that say what is better, and of several tasks those that two cells have: a point alone is no chart.

    Where pictures stand between the ends has a table of its own.
    """
    least = 2 if len(view.plan.tasks) > 1 else 1
    named = [metric for metric in view.quality_metrics if metric not in WITHOUT_BETTER]
    return [metric for metric in named if len([cell for cell in view.done if score_of(cell, metric)]) >= least]


def _stills(view: RunView) -> list[Image.Image]:
    """Quality against latency for the PNG files: smaller, so that its letters are larger in them."""
    made = [quality_latency(view, metric, *_STILL) for metric in _charted(view)]
    return [Image.open(io.BytesIO(chart.png())).convert("RGBA") for chart in made if chart is not None]

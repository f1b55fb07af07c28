"""A run's view → every file of the comparison of schedulers, in memory."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import chain, count

from PIL import Image

from harness.report.charts import Chart
from harness.report.images import chart_bytes, png_bytes, stacked
from harness.report.schedulers.content import SchedulerContent, gather
from harness.report.schedulers.files import scheduler_csv, scheduler_json
from harness.report.schedulers.page import render_scheduler_markdown, render_scheduler_page
from harness.report.schedulers.strips import draw_strips
from harness.report.schedulers.summary import draw_summary
from harness.report.view import RunView


def assemble_schedulers(view: RunView, *, compact: bool) -> dict[str, bytes]:
    """File name → content: ``summary.png`` is the first model's, ``summary-MODEL.png`` each further one's.

    Raises:
        UsageError: the run is no sweep of schedulers and steps with a reference.
    """
    content = gather(view, public=compact)
    pictures = _pictures(content, compact=compact)
    files = {
        "report.md": render_scheduler_markdown(content, pictures).encode(),
        "table.csv": scheduler_csv(content).encode(),
        "results.json": scheduler_json(content).encode(),
        **pictures,
    }
    if not compact:
        files["report.html"] = render_scheduler_page(content).encode()
    return files


def _pictures(content: SchedulerContent, *, compact: bool) -> dict[str, bytes]:
    """The PNG files; a run without pictures or numbers has fewer."""
    colours = 256 if compact else None
    found = {}
    names = summary_names([advised.model for advised in content.advice])
    for advised in content.advice:
        found[names[advised.model]] = png_bytes(draw_summary(content.sweep, advised, content.strips), colours)
    if content.strips:
        found["pictures.png"] = png_bytes(draw_strips(content.view, content.strips, 72 if compact else 96), colours)
    charts = {"difference.png": content.differences, "quality-cost.png": content.costs}
    charts["converged-distance.png"] = (content.distance_chart,) if content.distance_chart else ()
    return found | {name: chart_bytes(_stack(of, compact=compact)) for name, of in charts.items() if of}


def summary_names(models: Sequence[str]) -> dict[str, str]:
    """Model → its picture's file; none is another's, on a disk that ignores the case of letters either."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for number, model in enumerate(models):
        stem = f"summary-{_plain(model) or number}" if number else "summary"
        tried = (f"{stem}-{again}" for again in count(2))
        name = next(name for name in chain([stem], tried) if name.lower() not in taken)
        taken.add(name.lower())
        names[model] = f"{name}.png"
    return names


def _stack(charts: tuple[Chart, ...], *, compact: bool) -> Image.Image:
    scale = 1.25 if compact else 2.0
    return stacked([Image.open(io.BytesIO(chart.png(scale))).convert("RGBA") for chart in charts])


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")

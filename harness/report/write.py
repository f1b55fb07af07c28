"""Records → a folder that answers the run's question: a page, Markdown, CSV, JSON and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from harness.errors import StoreError
from harness.report.against_reference import against_reference
from harness.report.answer import answer
from harness.report.charts import Chart
from harness.report.files import results_json, table_csv
from harness.report.markdown import render_markdown
from harness.report.page import render_page
from harness.report.pictures import Grid, choose, draw
from harness.report.provenance import provenance
from harness.report.quality_latency import quality_latency
from harness.report.summary import draw_summary
from harness.report.table import build_table
from harness.report.view import RunView, load_view
from harness.store.store import Store

_STILL = (660, 380)  # pixels of a chart, drawn twice as large
_PROMPTS, _FLAT_PROMPTS, _FLAT_CELLS = 8, 6, 12


@dataclass(frozen=True)
class ReportFiles:
    """Where the report lies. ``html`` is ``None`` for a compact one, ``png`` unless one was asked for."""

    folder: Path
    html: Path | None
    markdown: Path
    csv: Path
    json: Path
    summary: Path
    pictures: Path | None
    chart: Path | None
    png: Path | None


def write_report(
    store: Store, run_id: str, out: Path, *, png: Path | None = None, compact: bool = False
) -> ReportFiles:
    """Write a run's report into ``out``, over an earlier one.

    Args:
        store: where the records lie.
        run_id: the run.
        out: the report's folder; made if absent.
        png: write the summary picture there too.
        compact: leave out the page and keep pictures small: a folder to commit (at most 1 MB).

    Raises:
        HarnessError: a record cannot be read, or the folder cannot be written.
    """
    view = load_view(store, run_id)
    said, table, sections = answer(view), build_table(view), provenance(view)
    flat = choose(view, _FLAT_PROMPTS, _FLAT_CELLS)
    charts, stills = _charts(view), _stills(view)
    desk = _Folder(out)
    summary = _png(draw_summary(view, said, stills[0] if stills else None), colours=256 if compact else None)
    return ReportFiles(
        folder=out,
        html=None
        if compact
        else desk.put("report.html", render_page(view, said, table, sections, choose(view, _PROMPTS), charts)),
        markdown=desk.put("report.md", render_markdown(view, said, table, sections, flat, charts)),
        csv=desk.put("table.csv", table_csv(view, table)),
        json=desk.put("results.json", results_json(view, table, said, sections)),
        summary=desk.put("summary.png", summary),
        pictures=desk.put("pictures.png", _grid_png(view, flat, compact)) if flat.cells else None,
        chart=desk.put("quality-latency.png", _stacked(stills)) if stills else None,
        png=_Folder(png.parent).put(png.name, summary) if png else None,
    )


def _charts(view: RunView) -> list[Chart]:
    """Each quality metric against latency, then each compared metric against the reference."""
    makers: list[Callable[[RunView, str], Chart | None]] = [quality_latency, against_reference]
    made = [make(view, metric) for make in makers for metric in view.quality_metrics]
    return [chart for chart in made if chart is not None]


def _stills(view: RunView) -> list[Image.Image]:
    """Quality against latency for the PNG files: smaller, so that its letters are larger in them."""
    made = [quality_latency(view, metric, *_STILL) for metric in view.quality_metrics]
    return [Image.open(io.BytesIO(chart.png())).convert("RGBA") for chart in made if chart is not None]


def _stacked(stills: list[Image.Image]) -> bytes:
    """The charts below each other, on white."""
    size = max(still.width for still in stills) + 40, sum(still.height + 40 for still in stills)
    paper, top = Image.new("RGB", size, "#ffffff"), 20
    for still in stills:
        paper.paste(still, (20, top), still)
        top += still.height + 40
    return _png(paper, colours=128)


def _grid_png(view: RunView, grid: Grid, compact: bool) -> bytes:
    return _png(draw(view, grid, tile=72 if compact else 96), colours=256 if compact else None)


def _png(image: Image.Image, *, colours: int | None) -> bytes:
    """PNG bytes, with a palette where smallness matters more than the last shade."""
    if colours is not None:
        image = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with io.BytesIO() as out:
        image.save(out, "PNG", optimize=True)
        return out.getvalue()


class _Folder:
    """A folder that is written to; what fails is told as what to do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, name: str, content: str | bytes) -> Path:
        """Write one file and give its path."""
        target = self._path / name
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise StoreError(
                f"The report cannot be written to {target}: {error.strerror}.",
                expected="a folder that can be written and a disk with room",
                do="Name another folder with --out, or make room; the run's records are safe.",
            ) from error
        return target

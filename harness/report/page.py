"""The self-contained HTML page: no network, no eval, everything escaped; charts live with JavaScript, still without."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.answer import Answer
from harness.report.between_ends import Walk
from harness.report.charts import Chart
from harness.report.inputs import InputLine, Thing, heading
from harness.report.pictures import Grid, Strip, data_uri
from harness.report.provenance import Section
from harness.report.table import Table
from harness.report.text import metric_words, one_value
from harness.report.view import RunView
from harness.store.records import CellRecord

TEMPLATES = Path(__file__).parent / "templates"

# Vega's expressions run through its interpreter (``ast``), so that the page's policy can forbid eval.
_BOOT = """
const specs = JSON.parse(document.getElementById("chart-specs").textContent);
const actions = { export: true, source: false, compiled: false, editor: false };
specs.forEach((spec, index) => {
  const place = document.getElementById("chart-" + index);
  const live = document.createElement("div");
  vegaEmbed(live, spec, { ast: true, renderer: "svg", actions: actions, downloadFileName: "chart" })
    .then(() => { place.replaceChildren(live); place.dataset.live = "yes"; })
    .catch((error) => console.error("chart " + index + " stays still: " + error));
});
"""


@dataclass(frozen=True)
class _Picture:
    """A tile: a picture, a text in its place, nothing, or a blank where the picture is missing."""

    uri: str | None
    alt: str
    title: str
    text: str = ""
    missing: bool = False


@dataclass(frozen=True)
class _Line:
    label: str
    pictures: tuple[_Picture, ...]
    reference: bool = False
    chosen: bool = False
    is_input: bool = False


@dataclass(frozen=True)
class _Block:
    """A strip as the page shows it."""

    title: str
    headings: tuple[str, ...]
    lines: tuple[_Line, ...]


def render_page(
    view: RunView,
    said: Answer,
    table: Table,
    sections: tuple[Section, ...],
    grid: Grid,
    charts: list[Chart],
    between: tuple[Walk, ...] = (),
) -> str:
    """The whole page as one string."""
    script = Markup(_script()) if charts else None
    surroundings = environment(autoescape=True)
    surroundings.filters["whole"] = _whole_parts
    return surroundings.get_template("report.html.j2").render(
        view=view,
        said=said,
        table=table,
        compared=compared_metrics(table),
        sections=sections,
        grid=grid,
        blocks=[_block(view, strip, said) for strip in grid.strips],
        between=between,
        charts=[_figure(chart, index) for index, chart in enumerate(charts)],
        specs=Markup(json_for_script([chart.spec for chart in charts])),
        script=script,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        policy=_policy(script),
    )  # fmt: skip


def environment(*, autoescape: bool) -> Environment:
    """The templates' environment: an unknown name is an error, never an empty string."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=autoescape, undefined=StrictUndefined, keep_trailing_newline=True
    )


def compared_metrics(table: Table) -> list[str]:
    """Metrics that have a comparison in some row, in the columns' order."""
    return [c.key for c in table.columns if any(c.key in row.against for row in table.rows)]


def _whole_parts(label: str) -> str:
    """A label that breaks between its parts only, never within "guidance 4"."""
    return " · ".join(part.replace(" ", "\u00a0") for part in label.split(" · "))


def json_for_script(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _script() -> str:
    """Vega, Vega-Lite and Vega-Embed, as vl-convert ships them, and the lines that start the charts."""
    return str(vl_convert.javascript_bundle(_BOOT)).replace("</script", "<\\/script")


def _policy(script: str | None) -> str:
    """Content security policy: pictures from the page itself, this one script by its hash, and nothing else."""
    allowed = "'none'"
    if script is not None:
        allowed = f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _figure(chart: Chart, index: int) -> dict[str, str]:
    return {"title": chart.title, "caption": chart.caption, "svg": Markup(_own_ids(chart.svg(), index))}


def _own_ids(svg: str, index: int) -> str:
    """Several SVGs in one page must not share ids."""
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>c{index}-", svg)


def _block(view: RunView, strip: Strip, said: Answer) -> _Block:
    inputs = tuple(_input_line(view, line) for line in strip.inputs)
    cells = tuple(
        _Line(cell.label, _pictures(view, strip, cell), cell.is_reference, cell.cell_id in said.chosen)
        for cell in strip.cells
    )
    return _Block(strip.title, strip.headings, inputs + cells)


def _input_line(view: RunView, line: InputLine) -> _Line:
    return _Line(line.label, tuple(_thing(view, line.label, thing) for thing in line.things), is_input=True)


def _thing(view: RunView, label: str, thing: Thing) -> _Picture:
    png = thing.png(view) if thing.is_picture else None
    missing = thing.is_picture and png is None
    return _Picture(data_uri(png) if png else None, label, label, text=thing.text, missing=missing)


def _pictures(view: RunView, strip: Strip, cell: CellRecord) -> tuple[_Picture, ...]:
    values, found = view.image_values(cell.cell_id), []
    for row in strip.rows:
        png, name = view.picture(cell, row), heading(cell, row) or row.id
        scores = [f"{metric_words(m)} {one_value(m, values[row.id][m])}" for m in view.quality_metrics
                  if isinstance(values.get(row.id, {}).get(m), float)]  # fmt: skip
        title = " · ".join([cell.label, name, f"seed {row.seed}", *scores])
        found.append(_Picture(data_uri(png) if png else None, f"{name}, {cell.label}", title, missing=png is None))
    return tuple(found)

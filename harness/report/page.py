"""The self-contained HTML page: no network, no eval, everything escaped; charts live with JavaScript, still without."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.charts import Chart
from harness.report.content import Content
from harness.report.pictures import Grid
from harness.report.table import Table
from harness.report.tiles import block_of

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


def render_page(content: Content, grid: Grid) -> str:
    """The general report as one page."""
    return page_from(
        "report.html.j2",
        content.charts,
        view=content.view,
        said=content.said,
        table=content.table,
        compared=compared_metrics(content.table),
        sections=content.sections,
        grid=grid,
        blocks=[block_of(content.view, strip, content.said.chosen) for strip in grid.strips],
        between=content.between,
    )


def page_from(template: str, charts: Sequence[Chart], **values: Any) -> str:
    """A page of any kind: the template with its values, the charts, the style and a policy that allows no more."""
    script = Markup(_script()) if charts else None
    surroundings = environment(autoescape=True)
    surroundings.filters["whole"] = _whole_parts
    return surroundings.get_template(template).render(
        **values,
        charts=[_figure(chart, index) for index, chart in enumerate(charts)],
        specs=Markup(json_for_script([chart.spec for chart in charts])),
        script=script,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        policy=content_policy(script),
    )


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


def content_policy(script: str | None) -> str:
    """Content security policy: pictures from the page itself, this one script by its hash, and nothing else."""
    allowed = "'none'"
    if script is not None:
        allowed = f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _figure(chart: Chart, index: int) -> dict[str, Any]:
    svg = Markup(_own_ids(chart.svg(), index))
    return {"name": chart.name, "title": chart.title, "caption": chart.caption, "svg": svg, "index": index}


def _own_ids(svg: str, index: int) -> str:
    """Several SVGs in one page must not share ids."""
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>c{index}-", svg)

"""Charts as Vega-Lite specifications: one definition gives the page's interactive chart, its SVG and the PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

# Okabe and Ito's palette (2008), without its yellow: told apart under every common colour blindness. The last three
# are ours, for sweeps of more than seven; dashes or shapes tell them apart too.
BLUE, VERMILION, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SERIES_COLOURS = [BLUE, VERMILION, GREEN, PINK, "#56B4E9", "#E69F00", "#4D4D4D", "#8C564B", "#5E2CA5", "#8F8A00"]
_FONT = "Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Chart:
    """A chart with its title and a sentence that tells how to read it."""

    name: str
    title: str
    caption: str
    spec: dict[str, Any]

    def svg(self) -> str:
        """The chart as SVG, without a browser."""
        return str(vl_convert.vegalite_to_svg(self.spec))

    def png(self, scale: float = 2.0) -> bytes:
        """The chart as a PNG on white, without a browser: on no ground vl-convert spoils colours of less opacity."""
        return bytes(vl_convert.vegalite_to_png({**self.spec, "background": "white"}, scale=scale))


def finish(chart: alt.LayerChart | alt.FacetChart | alt.ConcatChart) -> dict[str, Any]:
    """The look that all charts share. Rows go in by value, so the specification stands alone."""
    ink, line = "#39424d", "#8a94a0"
    axis = {
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelColor": ink,
    }
    lines = {"titleColor": ink, "gridColor": line, "gridOpacity": 0.22, "domainColor": line, "tickColor": line}
    legend = {
        "orient": "top",
        "labelFontSize": 13,
        "labelColor": ink,
        "symbolSize": 110,
        "labelLimit": 260,
        "columns": 4,
    }
    styled = chart.configure(background="transparent", font=_FONT, padding=8).configure_view(stroke=None)
    styled = styled.configure_axis(**axis, **lines).configure_legend(**legend)
    return dict(styled.to_dict(validate=False))

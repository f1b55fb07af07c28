"""The table of margins in docs/compare.md, from the catalog: `python -m harness.catalog.margins_page` writes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from harness.catalog.metrics import DEFAULT_MARGINS, MARGINS, MEASURES, METRICS, SHIPPED, counts_shares

PAGE = Path("docs/compare.md")
_BEGIN, _END = "<!-- margins: begin -->", "<!-- margins: end -->"
_HEAD = ("metric", "better", "its margin is in", "default margin")
_FRACTION = "a fraction: 0.05 is 5 %-points"
_COST_UNITS = {"latency": "a share of the baseline's", "peak_memory": "a share of the baseline's"}


def text() -> str:
    """The table: a line for each shipped metric that a verdict can rest on, then what is measured besides."""
    metrics = [name for name in MARGINS if name in SHIPPED]
    rows = [_HEAD, ["---"] * len(_HEAD), *([_named(name), *_row(name)] for name in (*metrics, *MEASURES))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _named(metric: str) -> str:
    return f"`{metric}`"


def _row(metric: str) -> list[str]:
    default = DEFAULT_MARGINS.get(metric)
    told = "none: name one, or it has no verdict" if default is None else _margin(metric, default)
    if metric in MEASURES:
        return ["lower", _COST_UNITS[metric], told]
    row = METRICS[metric]
    return [row.direction, _FRACTION if counts_shares(metric) else row.unit, told]


def _margin(metric: str, margin: float | str) -> str:
    """As a spec writes it; what a share of 0.05 means is said."""
    if isinstance(margin, str):
        return margin.replace("%", " %")
    return f"{margin:g} ({100 * margin:g} %-points)" if counts_shares(metric) else f"{margin:g}"


def written(page: str) -> str:
    """The page with today's table between its marks.

    Raises:
        ValueError: the page has no marks.
    """
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"no {_BEGIN} … {_END}")
    return pattern.sub(lambda _: f"{_BEGIN}\n{text()}\n{_END}", page)


def write(page: Path = PAGE) -> None:
    """Write the table into the page."""
    page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))

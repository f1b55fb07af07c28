"""The table of margins in docs/compare.md is today's catalog."""

from __future__ import annotations

import pytest

from harness.catalog.margins_page import PAGE, text, written
from harness.catalog.metrics import DEFAULT_MARGINS, MARGINS, MEASURES, SHIPPED


def test_the_margins_of_the_page_are_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `nox -s margins`"


def test_every_margin_that_a_spec_may_name_is_there_with_its_default() -> None:
    lines = {line.split("`")[1]: line for line in text().splitlines()[2:]}
    assert set(lines) == {*(name for name in MARGINS if name in SHIPPED), *MEASURES}
    assert lines["clip_score"].endswith("| points | 0.3 |") and lines["latency"].endswith("| 3 % |")
    assert lines["world_truth"].endswith("| a fraction: 0.05 is 5 %-points | 0.05 (5 %-points) |")
    assert all(("none: name one" in line) == (name not in DEFAULT_MARGINS) for name, line in lines.items())


def test_a_page_without_a_place_for_it_is_told() -> None:
    with pytest.raises(ValueError, match="margins: begin"):
        written("no table")

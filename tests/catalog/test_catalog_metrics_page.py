"""docs/metrics.md is what its writer makes of today's catalog, and what was measured agrees."""

from __future__ import annotations

from support.metric_agreement import PAGE, measured, text

from harness.catalog.metrics import SHIPPED


def test_the_page_of_metrics_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(measured()), "run `nox -s metrics -- --page`"


def test_what_was_measured_agrees_and_what_could_not_be_says_so() -> None:
    lines = [line for half in measured().values() for line in half]
    assert {line["metric"] for line in lines} <= set(SHIPPED) and len(lines) > 10
    apart = [line for line in lines if line["difference"] is None or line["difference"] > line["bar"]]
    assert all("not installed" in line["reference"] for line in apart), apart


def test_a_line_that_does_not_agree_is_told() -> None:
    line = {
        "metric": "ssim",
        "reference": "x 1",
        "case": "two",
        "ours": 1.0,
        "theirs": 2.0,
        "difference": 1.0,
        "bar": 1e-5,
    }
    assert "**does not agree**" in text({"pictures": [line]})
    lost = {**line, "difference": None, "ours": None, "theirs": None}
    assert "**does not agree**: no number" in text({"pictures": [lost]}), "its reference was there"
    assert "| no number |" in text({"pictures": [{**lost, "reference": "x: not installed here"}]})

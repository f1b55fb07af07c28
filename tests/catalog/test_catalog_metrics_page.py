"""docs/metrics.md is what its writer makes of today's catalog, and what was measured agrees."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support import metric_agreement
from support.agreement import ABSENT, Agreement, failures
from support.metric_agreement import PAGE, measured, text, without_reference
from support.set_metric_agreement import _TABLE

from harness.catalog.metrics import DIVERSITY, METRICS, SHIPPED

#: what the half of pictures holds against what; the other half is its script's own table
OF_PICTURES = {
    ("ssim", "torchmetrics"), ("psnr", "torchmetrics"), ("perceptual_distance", "lpips"), ("clip_score", "open_clip"),
    ("clip_score", "torchmetrics"), ("preference", "transformers"), ("preference", "image-reward"),
    ("frechet", "torch-fidelity"), ("frechet", "torchmetrics"), ("frechet", "clean-fid"),
}  # fmt: skip
OF_SETS = {(metric, name) for metric, _, references in _TABLE for name in references}
LINE: dict[str, Any] = {
    "metric": "ssim", "reference": "x 1", "case": "two", "ours": 1.0, "theirs": 2.0, "difference": 1.0, "bar": 1e-5,
}  # fmt: skip


def pairs(half: str) -> set[tuple[str, str]]:
    """Metrics of one half of what was measured, each with its reference's name."""
    return {(line["metric"], line["reference"].split()[0]) for line in measured()[half]}


def test_the_page_of_metrics_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(measured()), "run `nox -s metrics -- --page`"


def test_preference_speaks_of_both_kinds_of_models() -> None:
    row = METRICS["preference"]
    assert row.unit == "the model's own" and "standardised reward" in row.notes and "logit scale" in row.notes
    assert all(paper in row.source for paper in ("PickScore", "HPS v2", "J. Xu et al., ImageReward, NeurIPS 2023"))


def test_both_halves_were_measured_with_every_reference_and_all_of_it_agrees() -> None:
    assert set(measured()) == {"sets", "pictures"}
    assert pairs("sets") == OF_SETS and pairs("pictures") >= OF_PICTURES
    lines = [line for half in measured().values() for line in half]
    assert not [line for line in lines if ABSENT in line["reference"]], "a committed line has its reference"
    assert not [line for line in lines if line["difference"] is None or line["difference"] > line["bar"]]


def test_every_metric_stands_in_the_page_and_each_without_a_reference_is_named() -> None:
    page = text(measured())
    assert all(f"\n| `{name}` | " in page for name in SHIPPED)
    lacking = without_reference(measured())
    assert {"cmmd_unbiased", "vendi", DIVERSITY, "image_similarity", "depth_agreement", "world_shape"} <= set(lacking)
    assert {line["metric"] for half in measured().values() for line in half} == set(SHIPPED) - set(lacking)
    (told,) = [line for line in page.splitlines() if line.startswith("No reference was run for ")]
    assert all(f"`{name}`" in told for name in lacking)


@pytest.mark.parametrize(
    ("metric", "least"),
    [("kid", "100, or 2·d where less"), ("frechet", "2·d, at most 1,000"), (DIVERSITY, "1, of two seeds"),
     ("vendi", "2"), ("clip_score", "1")],
)  # fmt: skip
def test_the_least_size_is_the_rule_that_a_run_follows(metric: str, least: str) -> None:
    (row,) = [line for line in text({}).splitlines() if line.startswith(f"| `{metric}` |")]
    assert row.split(" | ")[4] == least
    assert METRICS[metric].against_set == ("2·d" in least)


def test_a_line_that_does_not_agree_is_told() -> None:
    assert "**does not agree**" in text({"pictures": [LINE]})
    lost = {**LINE, "difference": None, "ours": None, "theirs": None}
    assert "**does not agree**: no number" in text({"pictures": [lost]}), "its reference was there"
    assert "| no number |" in text({"pictures": [{**lost, "reference": f"x: {ABSENT}"}]})


@pytest.mark.parametrize("difference", [math.nan, math.inf, 2e-5])
def test_what_is_no_number_fails_as_what_is_too_far_does(difference: float) -> None:
    line = Agreement("ssim", "x 1", "two", 1.0, math.nan, difference, 1e-5)
    kept = metric_agreement._line(metric_agreement._plain(line))
    for one in (line, kept):
        assert not one.agrees and failures([one], strict=False) == [one]
    near = Agreement("ssim", "x 1", "two", 1.0, 1.0, 0.0, 1e-5)
    absent = Agreement("ssim", f"x: {ABSENT}", "two", 1.0, math.nan, math.nan, 1e-5)
    assert failures([near, absent], strict=False) == [] and failures([near, absent], strict=True) == [absent]


def test_the_command_fails_on_a_committed_line_without_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Even where nothing is measured anew."""
    monkeypatch.setattr(metric_agreement, "PAGE", tmp_path / "metrics.md")
    monkeypatch.setattr("sys.argv", ["metric_agreement", "--page"])
    assert metric_agreement.main() == 0
    lost = {**LINE, "difference": None, "theirs": None}
    monkeypatch.setattr(metric_agreement, "measured", lambda: {"sets": [lost], "pictures": []})
    assert metric_agreement.main() == 1

"""What the verdicts leave open is not claimed: no speed-up over an open verdict, no memory, no sameness of pictures."""

from dataclasses import replace

import numpy as np
import pytest
from support.audit_runs import AuditBuilder

from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.bars import _same, band, bar_colour, groups_of
from harness.report.optimizations.content import gather
from harness.report.optimizations.lines import cost_table
from harness.report.optimizations.settled import drifted, is_faster, is_slower
from harness.report.optimizations.summary import draw_summary, legend
from harness.report.optimizations.table import records
from harness.report.optimizations.verdicts import answers, verdict
from harness.report.optimizations.wording import speed_words

FAST, SLOW = (1.40, 1.44, 1.42), (0.5, 0.51, 0.505)
DRIFTED = {"costs": {"latency": "inconclusive"}, "moved": 0.358}


@pytest.fixture
def audit(tmp_path):
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference()
    return builder


def told(builder):
    """The last cell's sentence, and the headline."""
    found = read_audit(builder.view())
    return verdict(found.cells[-1]), answers(found)[0]


def test_an_open_verdict_is_not_settled_whatever_the_interval_says(audit) -> None:
    audit.add("compile", ratios=FAST, first_s=60.0, **DRIFTED)
    sentence, answer = told(audit)
    assert sentence == (
        "compile: applied, 1.42× [1.37–1.47] (not settled: the machine drifted by 35.8 %), would pay after 199 images "
        "[184–217], pictures identical."
    )
    assert answer.chosen is None and answer.headline == (
        "No speed-up is settled; the largest that was seen is compile: 1.42× [1.37–1.47] (not settled: the machine "
        "drifted by 35.8 %), pictures identical, would pay after 199 images [184–217]."
    )


def test_a_settled_speed_up_goes_before_a_larger_one_that_is_not(audit) -> None:
    audit.add("compile", ratios=FAST, **DRIFTED)
    audit.add("channels-last", ratios=(1.2, 1.21, 1.22), off=1, costs={"latency": "improved"})
    sentence, answer = told(audit)
    assert answer.chosen.name == "channels-last" and "1.21× faster [1.19–1.24]" in sentence
    assert answer.headline.startswith("channels-last is fastest: 1.21× faster")


@pytest.mark.parametrize(
    ("ratios", "costs", "moved", "words"),
    [
        (SLOW, {"latency": "inconclusive"}, 0.3, "0.50× [0.49–0.52] (not settled: the machine drifted by 30.0 %)"),
        (SLOW, {"latency": "regressed"}, 0.3, "0.50× as fast [0.49–0.52]"),
        (FAST, {"latency": "inconclusive"}, 0.0, "(not settled: the interval reaches over the margin of 5 %)"),
        ((1.02, 1.021, 1.022), {"latency": "equivalent"}, 0.0, "1.021× [1.019–1.023], within the margin of 5 %"),
        ((0.9, 1.1, 1.0), {"latency": "inconclusive"}, 0.3, "no faster or slower beyond the noise"),
    ],
)
def test_each_verdict_has_its_words(audit, ratios, costs, moved, words) -> None:
    audit.add("compile", ratios=ratios, costs=costs, moved=moved)
    assert words in told(audit)[0]


HOLM = "improved when taken alone, but not after Holm's adjustment for all comparisons of the report"
REACHES = "the interval reaches over the margin"
ITS = "its 90 % interval reaches over the margin"  # beside the 95 % one of the speed-up
MOVED = "the machine drifted by 35.8% within or between visits, more than the margin of 5.0%"


@pytest.mark.parametrize(
    ("why", "moved", "whole", "short"),
    [
        (HOLM, 0.358, f"{HOLM}; {MOVED}", "Holm over 2 comparisons; the machine drifted by 35.8 %"),
        (HOLM, 0.0, HOLM, "Holm over 2 comparisons"),
        (REACHES, 0.358, f"{ITS}; {MOVED}", f"{ITS}; the machine drifted by 35.8 %"),
        (None, 0.358, "the machine drifted by 35.8 %", "the machine drifted by 35.8 %"),
    ],
)
def test_a_cell_says_its_whole_reason_and_headline_and_picture_a_short_one(audit, why, moved, whole, short) -> None:
    audit.add("compile", ratios=FAST, costs={"latency": "inconclusive"}, why=why, moved=moved)
    sentence, answer = told(audit)
    assert f"(not settled: {whole})" in sentence and f"(not settled: {short})" in answer.headline
    marks = legend(groups_of(read_audit(audit.view()).families, 9), 2)
    assert ("(Holm over 2 comparisons" in marks) == (why == HOLM) and ("drifted by up to 36 %" in marks) == (moved > 0)


def test_the_drift_is_not_blamed_where_another_reason_stands_alone(audit) -> None:
    audit.add("compile", ratios=FAST, costs={"latency": "inconclusive"}, why="the pictures are not its own", moved=0.3)
    (_, one) = read_audit(audit.view()).cells
    judged = one.cell.comparisons[-1].model_copy(update={"reason": "the pictures are not its own"})
    alone = replace(one, cell=one.cell.model_copy(update={"comparisons": [judged]}))
    assert (
        drifted(one) == 0.3 and drifted(alone) == 0.0 and speed_words(alone).endswith("the pictures are not its own)")
    )


def test_the_largest_that_was_seen_is_of_a_cell_without_a_fault_where_there_is_one(audit) -> None:
    audit.add("compile", ratios=(2.0, 2.04, 2.02), clipped=0.12, **DRIFTED)
    headline = told(audit)[1].headline
    assert "the largest that was seen is compile: 2.02×" in headline and ", flagged. Flagged: compile." in headline
    audit.add("channels-last", ratios=FAST, **DRIFTED)
    headline = told(audit)[1].headline
    assert "the largest that was seen without a fault is channels-last: 1.42×" in headline
    assert headline.endswith(" Flagged: compile.") and ", flagged" not in headline


def test_memory_that_is_not_settled_is_not_in_the_headline(audit) -> None:
    audit.add("attention-slicing", peaks_mib=(70.0, 71.0, 70.5), costs={"peak_memory": "inconclusive"})
    sentence, answer = told(audit)
    assert "30 % less memory (29.5 MiB; not settled)" in sentence and "memory" not in answer.headline
    audit.add("channels-last", peaks_mib=(80.0, 80.0, 80.0), costs={"peak_memory": "improved"})
    assert "channels-last takes 20 % less memory (20.0 MiB)." in told(audit)[1].headline


@pytest.mark.parametrize(
    ("peaks", "small", "words"),
    [
        (
            (560.0, 560.0, 560.0),
            "takes 5.600× [5.600–5.600] as much, 460 MiB more",
            "5.6× as much memory (460 MiB more)",
        ),
        ((130.0, 131.0, 129.0), "takes 30.0 MiB more, 30.0 % [27.5 to 32.5 %]", "30 % more memory (30.0 MiB)"),
        ((90.0, 91.0, 89.0), "saved 10.0 MiB, 10.0 % [7.5 to 12.5 %]", "10 % less memory (10.0 MiB)"),
        ((100.0, 100.0, 100.0), "as much as the reference", "identical"),
    ],
)
def test_memory_is_told_as_people_count_it(audit, peaks, small, words) -> None:
    audit.add("compile", peaks_mib=peaks)
    found = read_audit(audit.view())
    assert small in cost_table(found, found.families[0]).lines[1][6].small and words in verdict(found.cells[1])
    assert "saved −" not in str(cost_table(found, found.families[0]))


def test_a_no_op_that_takes_more_says_what_is_counted_and_the_noise_stands_beside_it(audit) -> None:
    audit.add("again", outcome=None, ratios=(0.9, 1.1, 1.0), peaks_mib=(99.0, 101.0, 100.6))
    audit.add("compile", options={"assign": "combined"}, outcome="no-op", peaks_mib=(138.0, 138.1, 137.9))
    content = gather(audit.view(), public=True)
    found = content.audit
    assert "resident memory counts what the process loads to ask for it" in verdict(found.cells[2])
    assert "resident memory counts" in cost_table(found, found.families[0]).lines[2][6].small[-1]
    assert "resident memory counts" not in verdict(found.cells[1])
    (noise,) = [line for line in content.caveats if line.startswith("The measurement's own noise")]
    assert "1.00× [0.78–1.28]" in noise and "0.2 % more memory [−2.4 to 2.8 %]" in noise


def test_what_is_known_of_the_pixels_stands_apart_from_the_verdict(audit) -> None:
    audit.add("plain-attention", off=1, verdict="inconclusive")
    found = read_audit(audit.view())
    assert "pictures differ by at most 1 of 255, and whether they are as good is not settled" in verdict(found.cells[1])
    entry = cost_table(found, found.families[0]).lines[1][7]
    assert entry.text == "differ by at most 1 of 255" and entry.small[0] == "as good: not settled"
    assert records(found)[1]["pictures"] == "inconclusive" and records(found)[1]["largest_difference"] == 1


def test_a_bound_on_the_pixels_is_not_in_the_picture_where_pictures_are_gone(audit) -> None:
    audit.add("plain-attention", off=3, verdict="inconclusive")
    look = read_audit(audit.view()).cells[1].looks
    assert _same(look) == "≤ 3 of 255 ?" and _same(replace(look, missing=1)) == "open ?"


def test_data_has_the_ends_of_the_break_even_and_why_a_speed_is_open(audit) -> None:
    audit.add("compile", ratios=FAST, first_s=60.0, **DRIFTED)
    row = records(read_audit(audit.view()))[1]
    ends = row["pays_after_images_least"], row["pays_after_images"], row["pays_after_images_most"]
    assert ends == (184, 199, 217) and "drifted by 35.8%" in row["speed_not_settled"]


def test_bars_are_green_and_orange_only_where_that_was_shown(audit) -> None:
    audit.add("channels-last", ratios=FAST, costs={"latency": "improved"})
    audit.add("layerwise-casting", ratios=SLOW, costs={"latency": "regressed"})
    audit.add("compile", ratios=FAST, **DRIFTED)
    audit.add("release-prior", ratios=SLOW, **DRIFTED)
    audit.add("sdpa", outcome="no-op", ratios=(0.99, 1.01, 1.0))
    cells = read_audit(audit.view()).cells[1:]
    assert [(is_faster(one), is_slower(one)) for one in cells] == [(True, False), (False, True), *[(False, False)] * 3]
    green, orange, *greys = map(bar_colour, cells)
    assert (green, orange) == ("#009E73", "#E69F00") and len(set(greys)) == 1 and greys[0] not in (green, orange)


def test_the_noise_of_an_a_a_pair_is_a_band_and_the_marks_are_explained(audit) -> None:
    audit.add("compile", ratios=FAST, off=1, verdict="inconclusive", **DRIFTED)
    groups = groups_of(read_audit(audit.view()).families, 9)
    assert band(groups[0]) is None and "shaded" not in legend(groups, 2)
    assert "not settled (the machine drifted by up to 36 %)" in legend(groups, 2) and "? at pictures" in legend(
        groups, 2
    )
    plain = np.asarray(draw_summary(gather(audit.view(), public=True)).convert("RGB"))
    audit.add("again", outcome=None, ratios=(0.9, 1.1, 1.0))
    groups = groups_of(read_audit(audit.view()).families, 9)
    low, high = band(groups[0])
    assert (low, high) == pytest.approx(
        (1 / 1.2789, 1 / 0.7767), abs=2e-4
    )  # by hand: exp(-0.00335 ± 4.3027·0.10038/√3)
    assert "shaded: the same pipeline twice" in legend(groups, 2)
    banded = np.asarray(draw_summary(gather(audit.view(), public=True)).convert("RGB"))
    shade = (0xE9, 0xEE, 0xF4)
    assert not (plain == shade).all(axis=2).any() and (banded == shade).all(axis=2).sum() > 500

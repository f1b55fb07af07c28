"""Two runs whose difference is known: what must be said of it, and what the gate does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.compare_runs import NAN, OUT_OF_MEMORY, keep

from harness.compare.compare import compare
from harness.compare.junit import render_junit
from harness.compare.outcome import exit_code, headline
from harness.compare.strict import open_lines, strict_lines
from harness.compare.types import Compared, Finding
from harness.errors import ExitCode
from harness.report.view import load_view
from harness.store.store import Store

Compares = Callable[..., Compared]
Only = Callable[..., Finding]


def _codes(told: Compared) -> tuple[int, int]:
    return exit_code(told, strict=False), exit_code(told, strict=True)


def test_a_run_with_itself_is_identical_and_equivalent(store: Store) -> None:
    view = load_view(store, keep(store, "baseline"))
    told, _ = compare(view, view, places=("baseline", "baseline"))
    assert {finding.verdict for _, finding in told.findings()} == {"equivalent"}
    assert len(list(told.findings())) == 2 * 3
    for cell in told.cells:
        assert cell.pictures is not None and (cell.pictures.identical, cell.pictures.rows) == (16, 16)
        assert cell.pictures.largest_difference == 0
    assert not (told.environment or told.schedulers or told.weights or told.notes)
    assert _codes(told) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)  # a gate with one name twice tests nothing


def test_the_same_thing_made_anew_is_equivalent_by_its_numbers(compared: Compares, only: Only) -> None:
    told = compared()
    clip, latency = only(told, "clip_score"), only(told, "latency")
    assert clip.verdict == "equivalent" and clip.interval is not None and clip.n == 16
    assert clip.reason is None and clip.p_adjusted is not None and clip.p_adjusted <= 0.05
    assert latency.verdict == "equivalent" and latency.n == 3 and latency.unit == "visit"
    assert "not interleaved" in told.notes[-1]
    assert exit_code(told, strict=False) == ExitCode.DONE


def test_a_planted_loss_is_a_regression_of_its_cell_alone(compared: Compares, only: Only) -> None:
    told = compared(shift={1: -1.0})
    lost = only(told, "clip_score", 1)
    assert lost.verdict == "regressed" and lost.margin == 0.3
    assert lost.difference == pytest.approx(-1.0, abs=0.02) and lost.interval is not None
    assert lost.interval.low < -1 < lost.interval.high < -0.3
    assert lost.run == pytest.approx(lost.baseline - 1.0, abs=0.02)  # type: ignore[operator]  # both are there
    assert only(told, "clip_score", 0).verdict == "equivalent"
    assert _codes(told) == (ExitCode.REGRESSED, ExitCode.REGRESSED)
    assert headline(told).startswith(
        "Regressed: DDPM · 10 steps (CLIP score); 1 regressed, 5 equivalent, in 2 shared cells."
    )


def test_a_gain_is_improved(compared: Compares, only: Only) -> None:
    told = compared(shift={0: 1.0})
    assert only(told, "clip_score").verdict == "improved" and exit_code(told, strict=False) == ExitCode.DONE


def test_too_few_prompts_are_inconclusive_and_strict_says_so(compared: Compares, only: Only) -> None:
    told = compared(old={"rows": 4}, rows=4, shift={0: -5.0})
    few = only(told, "clip_score")
    assert few.verdict == "inconclusive" and few.reason == "4 prompts: no verdict is given below 6"
    assert few.n == 4 and few.n_to_settle is not None and few.n_to_settle >= 6
    assert few.difference == pytest.approx(-5, abs=0.05)
    assert _codes(told) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)


def test_seeds_of_a_prompt_count_once(compared: Compares, only: Only) -> None:
    told = compared(old={"rows": 16, "seeds": 4}, rows=16, seeds=4)
    assert only(told, "clip_score").n == 4


def test_a_new_failure_is_a_regression(compared: Compares, only: Only) -> None:
    told = compared(failed={1: OUT_OF_MEMORY})
    assert told.cells[1].outcome == "new failure" and told.cells[1].pictures is None
    assert only(told, "result", 1).verdict == "regressed" and OUT_OF_MEMORY.reason in str(told.cells[1].reason)
    assert _codes(told)[0] == ExitCode.REGRESSED


def test_what_failed_before_is_fixed_or_failed_in_both(compared: Compares, only: Only) -> None:
    fixed = compared(old={"failed": {1: OUT_OF_MEMORY}})
    assert (fixed.cells[1].outcome, only(fixed, "result", 1).verdict) == ("fixed", "improved")
    both = compared(old={"failed": {1: OUT_OF_MEMORY}}, failed={1: OUT_OF_MEMORY})
    assert (both.cells[1].outcome, only(both, "result", 1).verdict) == ("failed in both", "not comparable")
    assert _codes(both) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)  # what is broken for ever is not green for ever
    assert any(line.endswith("failed in both") for line in strict_lines(both))
    assert exit_code(both, strict=False) == ExitCode.DONE


def test_a_score_that_can_no_longer_be_made_is_a_new_failure(compared: Compares, only: Only) -> None:
    told = compared(score_failed="the scorer broke")
    assert only(told, "clip_score").verdict == "regressed" and "the scorer broke" in str(
        only(told, "clip_score").reason
    )


def test_a_cell_that_was_not_made_is_open_under_strict(compared: Compares) -> None:
    told = compared(pending=[1])
    assert told.cells[1].outcome == "not made in the run" and told.run.unfinished
    assert _codes(told) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ({"visits": None}, "4 numbers of the baseline with no like in the run"),
        ({"unscored": True}, "2 numbers of the baseline with no like in the run"),
        ({"made_by": {"weights_digest": "ffff"}}, "2 numbers of the baseline with no like in the run"),
        ({"odd": dict.fromkeys(range(16))}, "2 numbers of the baseline with no like in the run"),
        ({"rows": 10}, "12 rows that only the baseline has"),
    ],
)
def test_what_the_run_has_lost_is_counted_and_open_under_strict(
    compared: Compares, lost: dict[str, Any], said: str
) -> None:
    told = compared(**lost)
    assert headline(told).endswith(f"Not compared: {said}.") and _codes(told) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)
    lines, suite = strict_lines(told), ET.fromstring(render_junit(told, strict=True))[0]
    assert f"{len(lines) - 2} things of the baseline have no verdict" in lines[0] and "in the run" in lines[-1]
    assert suite.get("failures") == str(len(lines) - 2) and len(open_lines(told)) == len(lines) - 2
    assert ET.fromstring(render_junit(told))[0].get("failures") == "0"


def test_what_nobody_asked_to_be_judged_or_another_machine_timed_is_not_owed(compared: Compares) -> None:
    off = {"margins": {"clip_score": 0.3}}
    assert _codes(compared(old={"plan": off}, visits=None))[1] == ExitCode.DONE
    assert _codes(compared(old={"plan": {"margins": {"latency": "3%"}}}, unscored=True))[1] == ExitCode.DONE
    assert _codes(compared(environment={"torch.threads": 4}, visits=None))[1] == ExitCode.DONE
    assert _codes(compared(old={"visits": None, "unscored": True}))[1] == ExitCode.DONE  # the run has more


def test_cells_of_one_side_are_listed(compared: Compares) -> None:
    fewer = compared(old={"cells": 3})
    assert len(fewer.cells) == 2 and len(fewer.only_baseline) == 1 and not fewer.only_run
    assert _codes(fewer) == (ExitCode.DONE, ExitCode.INCONCLUSIVE)
    more = compared(cells=3)
    assert len(more.only_run) == 1 and exit_code(more, strict=True) == ExitCode.DONE


def test_no_shared_cells_are_not_comparable(compared: Compares) -> None:
    told = compared(settings={"guidance_scale": 7.0})
    assert not told.cells and len(told.only_baseline) == len(told.only_run) == 2
    assert _codes(told) == (ExitCode.NOT_COMPARABLE, ExitCode.NOT_COMPARABLE)
    assert "share no cell" in headline(told)


def test_other_pictures_and_nothing_to_judge_them_by_are_not_comparable(compared: Compares) -> None:
    told = compared(made_by={"weights_digest": "ffff"}, environment={"torch.threads": 8}, unlike=3)
    assert {finding.verdict for _, finding in told.findings()} == {"not comparable"}
    assert exit_code(told, strict=False) == ExitCode.NOT_COMPARABLE


def test_one_cell_of_the_same_pictures_says_nothing_of_the_others(store: Store) -> None:
    making = {"made_by": {"weights_digest": "ffff"}, "environment": {"torch.threads": 8}}
    ids = [keep(store, "baseline"), keep(store, "run", anew=True, unlike={1: 3}, **making)]
    told, _ = compare(*(load_view(store, run_id) for run_id in ids), places=("baseline", "run"))
    assert [cell.pictures.identical for cell in told.cells if cell.pictures] == [16, 13]
    assert _codes(told) == (ExitCode.NOT_COMPARABLE, ExitCode.NOT_COMPARABLE) and "identical" not in headline(told)
    same, _ = compare(load_view(store, ids[0]), load_view(store, keep(store, "same", anew=True, **making)),
                      places=("baseline", "same"))  # fmt: skip
    assert "nothing was judged, and pictures are identical" in headline(same)


@pytest.mark.parametrize("making", [{"weights_digest": "ffff"}, {"resize": "bilinear"}, {"reference_n": 3}])
def test_scores_made_otherwise_are_not_comparable(compared: Compares, only: Only, making: dict[str, Any]) -> None:
    told = compared(made_by=making, shift={0: -9.0})
    found = only(told, "clip_score")
    assert found.verdict == "not comparable" and next(iter(making)) in str(found.reason)
    assert exit_code(told, strict=False) == ExitCode.DONE


def test_another_library_makes_scores_no_less_comparable(compared: Compares, only: Only) -> None:
    assert only(compared(made_by={"torch": "2.15.0"}, shift={0: -9.0}), "clip_score").verdict == "regressed"


def test_a_value_that_is_no_number_is_told_and_judged_by_nobody(compared: Compares, only: Only) -> None:
    told = compared(odd={3: NAN}, shift={0: -9.0})
    found = only(told, "clip_score")
    assert found.verdict == "inconclusive" and "1 of 16 pictures of the run" in str(found.reason)
    assert found.interval is None and found.p is None


def test_rows_without_a_value_are_left_out_and_told(compared: Compares, only: Only) -> None:
    found = only(compared(odd={3: None}), "clip_score")
    assert (found.verdict, found.n) == ("equivalent", 15) and "1 of 16 shared rows" in found.notes[0]


def test_holm_counts_every_comparison_of_the_report(compared: Compares, only: Only) -> None:
    one, many = compared(old={"cells": 1}, cells=1), compared(old={"cells": 8}, cells=8)
    assert only(one, "latency").p == only(many, "latency").p
    assert only(one, "latency").p_adjusted < only(many, "latency").p_adjusted  # type: ignore[operator]


def test_what_is_spoilt_costs_the_others_nothing(compared: Compares, only: Only) -> None:
    steady, restless = compared(shift={1: -0.34}), compared(shift={1: -0.34}, drift=0.5)
    spoilt = only(restless, "latency", 1)
    assert spoilt.verdict == "inconclusive" and "drifted by 50" in str(spoilt.reason) and spoilt.interval is not None
    found = [only(told, "clip_score", 1) for told in (steady, restless)]
    assert found[0].p == found[1].p
    assert found[1].p_adjusted < found[0].p_adjusted  # type: ignore[operator]  # both are there


def test_a_late_margin_is_told_and_decides_nothing(compared: Compares, only: Only) -> None:
    told = compared(shift={0: -1.0}, late={"clip_score": 99.0})
    assert only(told, "clip_score").verdict == "regressed" and only(told, "clip_score").margin == 0.3
    assert "stated after the run" in " ".join(told.notes) and told.margins["clip_score"] == 0.3


def test_a_margin_that_is_off_gives_no_verdict_even_when_named_late(compared: Compares, only: Only) -> None:
    old = {"plan": {"margins": {"latency": "3%"}}}
    told = compared(old=old, shift={0: -9.0}, late={"clip_score": 0.1})
    found = only(told, "clip_score")
    assert found.verdict == "no verdict" and found.difference == pytest.approx(-9, abs=0.05)


def test_the_runs_own_margin_is_told_and_does_not_count(compared: Compares, only: Only) -> None:
    told = compared(plan={"margins": {"clip_score": 50.0}}, shift={0: -1.0})
    assert only(told, "clip_score").verdict == "regressed" and "50" in " ".join(told.notes)


def test_a_baseline_that_compared_nothing_has_the_harness_margins(compared: Compares, only: Only) -> None:
    told = compared(old={"plan": {"margins": {}, "compare_to": None}}, shift={0: -1.0})
    assert only(told, "clip_score").margin == 0.3 and only(told, "clip_score").verdict == "regressed"
    assert "the harness's own count" in told.notes[0]

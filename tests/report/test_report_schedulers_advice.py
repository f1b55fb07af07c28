"""The recommendation says what the verdicts bear, names what ties, and is open about what is missing."""

import pytest
from support.sweeps import usual

from harness.report.schedulers.advice import advise
from harness.report.schedulers.content import gather
from harness.report.schedulers.sweep import read_sweep


def advised(builder, **kwargs):
    return advise(read_sweep(builder.view(**kwargs)))[0]


def test_the_cheapest_that_holds_with_its_evidence(grid) -> None:
    of = advised(usual(grid()))
    assert of.headline == (
        "mini-2.2: DPMSolverMultistep at 8 steps is as good as DDIM at 50 steps with 8 model calls instead of 50, "
        "at guidance 4."
    )
    advice = of.grounds[0]
    assert advice.chosen.cell.cell_id == "mini-2.2-DPMSolverMultistep-8-g4" and advice.tied == (advice.chosen,)
    assert advice.sentence == (
        "Use DPMSolverMultistep at 8 steps: as good as DDIM at 50 steps within the margin. "
        "DPMSolverMultistep at 8 steps: CLIP score +0.05 (95 % interval −0.03 to +0.12, margin 0.3, 32 prompts: "
        "equivalent). 8 model calls instead of 50, 160 ms an image instead of 1.00 s, 6.2× as fast."
    )
    assert advice.remarks == ()


def test_cheaper_and_open_is_told(grid) -> None:
    builder = usual(grid())
    builder.point("DPMSolverMultistep", 6, -0.2, "inconclusive", n_to_settle=55)
    assert advised(builder).grounds[0].remarks == (
        "Cheaper and still open: DPMSolverMultistep at 6 steps (about 55 prompts would settle it).",
    )


def test_open_cells_are_told_by_steps(grid) -> None:
    builder = grid()
    builder.point("DDIM", 16, -0.1)
    for scheduler, steps, need in (("DDPM", 8, 300), ("DDIM", 8, 90), ("DDIM", 4, None)):
        builder.point(scheduler, steps, -0.3, "inconclusive", n_to_settle=need)
    builder.reference()
    assert advised(builder).grounds[0].remarks == (
        "Cheaper and still open: DDIM at 4 steps; "
        "DDIM and DDPM at 8 steps (about 90 to 300 prompts would settle them).",
    )


def ties(grid, latencies, **changes):
    builder = grid()
    for scheduler, latency in zip(("DDIM", "DDPM"), latencies, strict=True):
        builder.point(scheduler, 8, -0.1, latency=latency, **changes)
    builder.reference(latency=1.0)
    return advised(builder)


def test_ties_within_noise_are_all_recommended(grid) -> None:
    of = ties(grid, (0.16, 0.165))  # intervals of 5 % that meet
    assert of.headline.startswith("mini-2.2: DDIM or DDPM at 8 steps is as good as")
    assert of.grounds[0].remarks == (
        "DDPM at 8 steps held with as few model calls; they are not compared with each other in quality, "
        "and the intervals of their times meet: take any.",
    )


def test_of_three_ties_those_whose_times_meet_are_named(grid) -> None:
    builder = grid()
    for scheduler, latency in (("DDIM", 0.15), ("DDPM", 0.155), ("UniPC", 0.3)):
        builder.point(scheduler, 8, -0.1, latency=latency)
    builder.reference(latency=1.0)
    remark = advised(builder).grounds[0].remarks[0]
    assert remark.startswith("DDPM or UniPC at 8 steps held with as few model calls;")
    assert remark.endswith("; DDIM or DDPM at 8 steps took the least time, with intervals that meet.")


def test_times_that_are_apart_order_ties(grid) -> None:
    advice = ties(grid, (0.20, 0.15)).grounds[0]
    assert advice.chosen.cell.settings.scheduler.label == "DDPM"
    assert advice.remarks[0].endswith("; DDPM at 8 steps took the least time of them.")


def test_without_times_nothing_is_said_of_speed(grid) -> None:
    advice = ties(grid, (None, None)).grounds[0]
    assert advice.remarks[0].endswith("not all were timed: take any.")
    assert advice.sentence.endswith("8 model calls instead of 50, not timed (the spec turns timing off).")


def test_times_that_drifted_give_no_factor(grid) -> None:
    builder = grid()
    why = "the machine drifted by 9.0% within or between visits, more than the margin of 3.0%"
    builder.point("DDIM", 8, -0.1, latency=0.2, latency_verdict="inconclusive", latency_reason=why)
    builder.reference(latency=1.0)
    sentence = advised(builder).grounds[0].sentence
    assert "as fast" not in sentence and sentence.endswith(f"200 ms an image instead of 1.00 s (inconclusive: {why}).")
    content = gather(builder.view(), public=False)
    assert any(line.startswith("The machine drifted past the margin while it timed 1 cell") for line in content.caveats)


def test_fewest_calls_need_not_be_fewest_seconds(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, latency=0.30)
    builder.point("DDPM", 10, -0.1, latency=0.20)
    builder.reference(latency=1.0)
    assert advised(builder).grounds[0].remarks == (
        "Fewest seconds, not fewest calls: DDPM at 10 steps, 200 ms an image, holds too.",
    )


def test_nothing_good_enough_is_said(grid) -> None:
    builder = grid()
    builder.point("DDIM", 4, -9.0, "regressed")
    builder.point("DDIM", 8, -2.0, "regressed")
    builder.reference()
    of = advised(builder)
    assert of.headline == "mini-2.2: nothing with fewer model calls was shown to be as good as DDIM at 50 steps."
    assert of.grounds[0].sentence == (
        "Nothing cheaper will do: every setting is worse than DDIM at 50 steps by more than the margin "
        "(CLIP score 0.3)."
    )
    assert of.grounds[0].chosen is None


def test_an_open_question_stays_open_with_what_would_close_it(grid) -> None:
    builder = grid(prompts=8)
    builder.point("DDIM", 4, -9.0, "regressed")
    builder.point("DDIM", 8, -0.3, "inconclusive", n_to_settle=70)
    builder.point("DDIM", 16, -0.1, "inconclusive", n_to_settle=40)
    builder.reference()
    assert advised(builder).grounds[0].sentence == (
        "Nothing was shown to be as good as DDIM at 50 steps within the margin (CLIP score 0.3). "
        "Nearest is DDIM at 16 steps: about 40 prompts would settle it; this run has 8."
    )
    caveats = gather(builder.view(), public=False).caveats
    assert "8 prompts: most comparisons will be inconclusive below 16." in caveats


def test_as_good_but_not_cheaper(grid) -> None:
    builder = grid()
    builder.point("DDPM", 50, 0.1)
    builder.reference()
    assert advised(builder).grounds[0].sentence == (
        "DDPM at 50 steps: as good as DDIM at 50 steps, but not with fewer model calls."
    )


def test_guidances_that_differ_are_told_apart(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, guidance=2)
    builder.reference(guidance=2)
    builder.point("DDIM", 16, -0.1, guidance=4)
    builder.reference(guidance=4)
    builder.point("DDIM", 16, -5.0, "regressed", guidance=8)
    builder.reference(guidance=8)
    assert advised(builder).headline == (
        "mini-2.2: DDIM at 8 steps at guidance 2; DDIM at 16 steps at guidance 4; nothing at guidance 8: "
        "as good as DDIM at 50 steps with fewer model calls."
    )


def test_nothing_compared_yet(grid) -> None:
    builder = usual(grid())
    builder.unjudged()
    of = advised(builder, status="interrupted")
    assert of.headline == "mini-2.2: nothing has been compared with DDIM at 50 steps yet."
    assert of.grounds[0].sentence == "No recommendation: no cell has been compared with the reference yet."


def test_a_failed_reference_is_the_reason(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1)
    builder.unjudged()
    builder.reference(status="failed")
    sentence = advised(builder, status="failed-cells").grounds[0].sentence
    assert sentence == "No recommendation: the reference DDIM · 50 steps failed."


MORE = {"failed": {"status": "failed"}, "pending": {"status": "pending"}, "not judged": {}}


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ("failed", "DDPM at 8 steps failed"),
        ("pending", "DDPM at 8 steps is not made yet"),
        ("not judged", "DDPM at 8 steps is not judged"),
    ],
)
def test_nothing_will_do_is_not_said_while_a_setting_has_no_verdict(grid, standing, said) -> None:
    builder = grid()
    builder.point("DDIM", 4, -9.0, "regressed")
    builder.point("DDPM", 8, -0.1, **MORE[standing])
    if standing == "not judged":
        builder.records[-1] = builder.records[-1].model_copy(update={"comparisons": []})
    builder.reference()
    assert advised(builder, status="interrupted").grounds[0].sentence == (
        "Nothing was shown to be as good as DDIM at 50 steps within the margin (CLIP score 0.3): every setting that "
        f"was judged is worse by more than it; {said}."
    )


def test_of_several_metrics_one_is_enough_to_regress(grid) -> None:
    builder = grid()
    cell_id = builder.point("DDIM", 8, -0.1)
    builder.judged_besides(cell_id, "world_truth", "regressed")
    builder.reference()
    assert advised(builder).grounds[0].sentence == (
        "Nothing cheaper will do: every setting is worse than DDIM at 50 steps by more than the margin of at least "
        "one metric (CLIP score 0.3 and share of right pictures 5 %-points)."
    )


def test_all_that_failed_is_the_reason(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, status="failed")
    builder.reference()
    sentence = advised(builder, status="failed-cells").grounds[0].sentence
    assert sentence == "No recommendation: DDIM at 8 steps failed."


def test_open_cells_without_a_number_are_named(grid) -> None:
    builder = grid()
    builder.point("DDIM", 16, -0.1)
    builder.point("DDPM", 8, -0.3, "inconclusive", n_to_settle=90)
    builder.point("UniPC", 8, -0.3, "inconclusive")
    builder.reference()
    assert advised(builder).grounds[0].remarks == (
        "Cheaper and still open: DDPM and UniPC at 8 steps (about 90 prompts would settle DDPM; for UniPC no number "
        "is known).",
    )

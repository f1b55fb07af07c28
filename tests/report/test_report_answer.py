"""The sentence on top says what the verdicts bear, and no more."""

from harness.report.answer import answer
from harness.report.view import load_view

REFERENCE = "DDIM-100-g4"


def headline(builder, **kwargs) -> str:
    return answer(load_view(*builder.finish(**kwargs))).headline


def test_the_cheapest_equivalent_is_named_with_its_evidence(sweep) -> None:
    said = answer(load_view(*sweep.finish(status="failed-cells")))
    assert said.headline == (
        "UniPC · 10 steps matches DDIM · 100 steps with 10 model calls instead of 100: "
        "CLIP score −0.10 (90 % interval −0.25 to +0.05, margin 0.3). "
        "It is 8.3× as fast: 120 ms an image against 1.00 s."
    )
    assert said.chosen == ("UniPC-10-g4",)
    assert "Of 4 quality comparisons: 2 equivalent, 1 regressed and 1 inconclusive." in said.details
    assert "Cheaper and still open: UniPC · 5 steps (about 60 prompts would settle it)." in said.details
    assert "1 cell failed: DDPM · 10 steps." in said.details
    assert any("Fréchet distance" in line and line.endswith("No verdict rests on it.") for line in said.details)


def test_a_cell_that_regressed_is_never_recommended(build) -> None:
    builder = build(prompts=32)
    builder.cell("DDIM", 10, 83.0, versus=REFERENCE, verdict="regressed", difference=-1.5)
    builder.cell("DDIM", 20, 83.5, versus=REFERENCE, verdict="regressed", difference=-1.0)
    builder.cell("DDIM", 100, 84.5)
    said = answer(load_view(*builder.finish()))
    assert (
        said.headline == "Every other setting is worse than DDIM · 100 steps by more than the margin (CLIP score 0.3)."
    )
    assert said.chosen == ()


def test_every_quality_metric_must_hold(build) -> None:
    builder = build(prompts=32)
    builder.cell("DDIM", 10, 84.5, versus=REFERENCE)
    kept = builder.records[-1]
    truth = kept.comparisons[0].model_copy(update={"metric": "world_truth", "verdict": "regressed", "margin": 0.05})
    builder.records[-1] = kept.model_copy(update={"comparisons": [*kept.comparisons, truth]})
    builder.cell("DDIM", 100, 84.5)
    assert headline(builder) == (
        "Every other setting is worse than DDIM · 100 steps by more than the margin of at least one metric "
        "(CLIP score 0.3 and share of right pictures 5 %-points)."
    )
    assert answer(load_view(*builder.finish())).details[-1].startswith("%-points are points of a percentage")


def test_an_open_question_is_left_open_with_what_would_close_it(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0, versus=REFERENCE, verdict="inconclusive", n_to_settle=70)
    builder.cell("DDIM", 20, 84.1, versus=REFERENCE, verdict="inconclusive", n_to_settle=40)
    builder.cell("DDIM", 100, 84.5)
    said = answer(load_view(*builder.finish()))
    assert said.headline == (
        "No setting was shown to match DDIM · 100 steps within the margin (CLIP score 0.3). "
        "Nearest to being settled is DDIM · 20 steps: about 40 prompts would do, this run has 8."
    )
    assert said.chosen == () and said.about == ("DDIM-20-g4",)
    assert "8 prompts: most comparisons will be inconclusive below 16." in said.details


def test_what_no_number_of_prompts_settles_is_inconclusive(build) -> None:
    builder = build(prompts=32)
    builder.cell("DDIM", 10, 84.0, versus=REFERENCE, verdict="inconclusive", n_to_settle=None)
    builder.cell("DDIM", 100, 84.5)
    assert headline(builder).endswith("within the margin (CLIP score 0.3). DDIM · 10 steps: inconclusive.")


def test_speed_is_a_factor_only_where_a_verdict_bears_it(build) -> None:
    builder = build(prompts=32)
    builder.cell("DDIM", 10, 84.5, versus=REFERENCE, latency=0.1, latency_verdict="inconclusive")
    builder.cell("DDIM", 100, 84.5, latency=1.0)
    text = headline(builder)
    assert "as fast" not in text
    assert text.endswith("Latency: 100 ms an image against 1.00 s (inconclusive).")


def test_nothing_cheaper_but_something_better(build) -> None:
    builder = build(prompts=32)
    builder.plan_changes["compare_to"] = {"guidance_scale": 1}
    for guidance, difference in ((2, 1.2), (8, 0.8)):
        judged = {"versus": "DDIM-25-g1", "verdict": "improved", "difference": difference}
        builder.cell("DDIM", 25, 84.0, guidance=guidance, swept={"guidance_scale": guidance}, **judged)
    builder.cell("DDIM", 25, 83.0, guidance=1, swept={"guidance_scale": 1})
    assert headline(builder).startswith(
        "DDIM · 25 steps · guidance 2 improves on DDIM · 25 steps · guidance 1 the most: CLIP score +1.20"
    )


def test_equal_quality_at_equal_cost(build) -> None:
    builder = build(prompts=32)
    builder.cell("UniPC", 100, 84.5, versus=REFERENCE)
    builder.cell("DDIM", 100, 84.5)
    assert headline(builder) == (
        "UniPC · 100 steps matches DDIM · 100 steps within the margin, "
        "but no setting does so with fewer model calls or was shown to be faster."
    )


def test_each_reference_has_its_own_answer(build) -> None:
    builder = build(prompts=32)
    for guidance in (2, 3):
        knobs = {"guidance_scale": guidance}
        reference = f"DDIM-100-g{guidance}"
        judged = {"versus": reference, "verdict": "equivalent" if guidance == 2 else "regressed"}
        builder.cell("DDIM", 10, 84.5, guidance=guidance, swept={"num_inference_steps": 10, **knobs}, **judged)
        builder.cell("DDIM", 100, 84.5, guidance=guidance, swept={"num_inference_steps": 100, **knobs})
    text = headline(builder)
    assert text.startswith("At guidance_scale 2, DDIM · 10 steps · guidance 2 matches")
    assert "At guidance_scale 3, every other setting is worse than" in text


def test_without_a_reference_the_best_number_is_only_a_number(build) -> None:
    builder = build(compare=False)
    builder.cell("DDIM", 10, 83.0)
    builder.cell("DDIM", 20, 84.0)
    assert headline(builder) == (
        "Highest CLIP score of 2 cells: DDIM · 20 steps, 84.00 (95 % interval 83.50 to 84.50, 8 prompts). "
        "No reference was named (compare_to), so no verdict is given."
    )


def test_a_reference_that_is_left_alone_was_named(build) -> None:
    builder = build()
    builder.cell("DDIM", 20, 84.0)
    assert headline(builder).endswith("There is nothing beside the reference, so no verdict is given.")


def test_unfinished_and_empty_runs_say_so(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, status="pending", versus=REFERENCE)
    builder.cell("DDIM", 100, status="pending")
    said = answer(load_view(*builder.finish(status="running")))
    assert said.headline == "No cell has a result yet."
    assert said.details == ("This run is unfinished: 0 of 2 cells are done so far.",)


def test_a_failed_reference_leaves_its_cells_uncompared(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0, versus=REFERENCE)
    builder.records[-1] = builder.records[-1].model_copy(update={"comparisons": []})
    builder.cell("DDIM", 100, status="failed")
    said = answer(load_view(*builder.finish(status="failed-cells")))
    assert "1 cell could not be compared: the reference has no result." in said.details
    assert said.headline.startswith("CLIP score of DDIM · 10 steps: 84.00")
    assert said.headline.endswith("Nothing is compared with its reference yet, so no verdict is given.")

"""What a plan costs, counted by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.plan.forecast import Pace
from harness.plan.types import Plan

Plans = Callable[..., Plan]
#: 2 schedulers × 2 step counts + the reference, for 2 prompts × 2 seeds
TEXT = """
prompts: [a star, a cross]
seeds: [0, 1]
scheduler: [DDIM, DDPM]
num_inference_steps: [4, 10]
prior_num_inference_steps: 5
compare_to: {scheduler: DDIM, num_inference_steps: 50}
timing: {repeats: 3, rounds: 2, warmups: 1, batch: 2}
"""
PACE = Pace(
    model="mini-2.2",
    task="text-to-image",
    dtype="float32",
    height=64,
    width=64,
    call_s=0.01,
    rest_s=0.1,
    load_s=3.0,
    measured_in="run-1",
)


def test_images_calls_loads_and_sharing(plan_of: Plans) -> None:
    cost = plan_of(TEXT).forecast
    assert cost.images == 5 * 4
    assert cost.decoder_model_calls == 4 * (4 + 10 + 4 + 10 + 50)
    assert cost.prior_model_calls == 4 * 5  # one prior serves all five cells
    assert cost.loads == 1 + 2  # the quality pass, and a visit in each round
    stages = {stage.stage: (stage.uses, stage.distinct) for stage in cost.stages}
    assert stages == {"prior": (20, 4), "images": (20, 20), "features": (15, 15), "timing": (5, 5)}
    (note,) = [note for note in cost.notes if "the timing pass makes about 80 images more" in note]
    assert "10 timing jobs (5 cells × 2 rounds) of 4 calls each (1 warm-up and 3 timed), 40 calls in all; " in note
    assert "80 images more, 4.0 times those of the cells" in note


def test_what_the_prior_depends_on_is_not_shared(plan_of: Plans) -> None:
    cost = plan_of(TEXT.replace("prior_num_inference_steps: 5", "prior_num_inference_steps: [5, 7]")).forecast
    assert cost.prior_model_calls == 4 * (5 + 7)
    assert next(stage.distinct for stage in cost.stages if stage.stage == "prior") == 8


def test_without_a_timing_pass_nothing_is_loaded_for_it(plan_of: Plans) -> None:
    cost = plan_of(TEXT.partition("timing:")[0] + "timing: off\n").forecast
    assert cost.loads == 1 and not any("timing pass" in note for note in cost.notes)
    assert next(stage.uses for stage in cost.stages if stage.stage == "timing") == 0


def test_two_models_are_two_load_groups(plan_of: Plans) -> None:
    plan = plan_of(f"model: [mini-2.2, kandinsky-2.2]\nmetrics: clip_score\n{TEXT}")
    assert len(plan.groups) == 2 and plan.forecast.loads == 2 * 3
    assert [len(group.cells) for group in plan.groups] == [5, 5]


def test_a_smaller_last_batch_is_told(plan_of: Plans) -> None:
    told = "the last batch of each cell is a smaller one"
    assert any(told in note for note in plan_of(f"{TEXT}batch_size: 3\n").forecast.notes)
    assert not any(told in note for note in plan_of(f"{TEXT}batch_size: 2\n").forecast.notes)
    assert not any(told in note for note in plan_of(f"{TEXT}batch_size: 9\n").forecast.notes), "there is one batch"


def test_seconds_come_from_what_was_measured(plan_of: Plans) -> None:
    cost = plan_of(TEXT, paces=[PACE]).forecast
    each = 4 + 2 * (3 + 1) * 2  # images of a cell in both passes
    images_s = each * sum(0.1 + 0.01 * steps for steps in (4, 10, 4, 10, 50))
    loads_s = (3.0 + 12.0) * 3
    assert cost.seconds == pytest.approx(images_s + loads_s)
    assert "seconds: at most, from the timings of run-1, with 1 warm-up in each visit" in cost.notes
    compiled = plan_of(f"{TEXT}optimizations: compile\n", paces=[PACE]).forecast
    assert any(note.endswith("; what compiling takes comes on top") for note in compiled.notes)
    untimed = plan_of(
        TEXT.replace("timing: {repeats: 3, rounds: 2, warmups: 1, batch: 2}", "timing: off"), paces=[PACE]
    ).forecast
    assert "seconds: at most, from the timings of run-1" in untimed.notes


@pytest.mark.parametrize("change", [{"model": "other"}, {"dtype": "float16"}, {"height": 128}, {"width": 128}])
def test_seconds_of_something_else_are_none_with_the_reason(plan_of: Plans, change: dict[str, object]) -> None:
    cost = plan_of(TEXT, paces=[PACE.model_copy(update=change)]).forecast
    assert cost.seconds is None
    assert any("nothing like mini-2.2 was timed" in note for note in cost.notes)


def test_disk_grows_with_pictures_and_pixels(plan_of: Plans) -> None:
    small, more, large = (
        plan_of(text).forecast.disk_bytes
        for text in (TEXT, TEXT.replace("[0, 1]", "[0, 1, 2, 3]"), f"{TEXT}size: 512\n")
    )
    assert more == 2 * small and large > 10 * small

"""Tasks in a plan: every cell of the guide, what is refused and why, and which rows serve which task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.catalog.models import MODELS
from harness.errors import SpecError
from harness.plan.build import plan_file
from harness.plan.needs import assets_of, needs_refusal, used
from harness.plan.types import Plan
from harness.spec.types import ESTIMATE, InputRow, MixItem

Plans = Callable[..., Plan]
_WORLD = "{world: a small red star on the left of a blue background}"


def _row(**content: Any) -> InputRow:
    known = {"id": "p0-s0", "prompt_id": "p0", "prompt": "a star", "negative_prompt": None, "seed": 0}
    return InputRow(**{**known, **content})


WHOLE = _row(image="i" * 64, mask="m" * 64, hint=ESTIMATE, mix=(MixItem(text="a"), MixItem(image="x" * 64)),
             weights=(0.3, 0.7))  # fmt: skip


def test_every_tick_of_the_guides_table_is_a_cell_and_every_dash_is_refused() -> None:
    plan = plan_file("all-tasks")
    made = {(c.settings.model, c.settings.task, c.settings.api) for c in plan.cells}
    short = {"text-to-image": "t", "image-to-image": "i", "inpainting": "p", "interpolation": "x",
             "controlnet-depth-text-to-image": "c", "controlnet-depth-image-to-image": "d"}  # fmt: skip
    found = sorted(f"{model[5:]}{short[task]}{api[0]}" for model, task, api in made)
    assert " ".join(found) == (
        "2.1ic 2.1it 2.1pc 2.1pt 2.1tc 2.1tt 2.1xt 2.2ct 2.2dt 2.2ic 2.2it 2.2pc 2.2pt 2.2tc 2.2tt 2.2xt 3ic 3tc"
    )
    assert len(plan.refused) == 36 - 18 and all(refusal.reason for refusal in plan.refused)
    assert plan.tasks == tuple(short)


def test_the_guide_plans_offline_with_its_own_numbers() -> None:
    """Each block of the guide is a cell; its pictures stand in the web, and planning leaves them there."""
    plan = plan_file("guide")
    cells = {
        (c.settings.model, c.settings.task, c.settings.api, c.settings.scheduler.class_name): c for c in plan.cells
    }
    assert len(cells) == 20 and not plan.refused
    two_stage = cells["kandinsky-2.1", "image-to-image", "two-stage", None].settings
    assert (two_stage.height, two_stage.strength, two_stage.guidance_scale) == (768, 0.3, 7.0)
    edited = cells["kandinsky-2.2", "controlnet-depth-image-to-image", "two-stage", None]
    settings = edited.settings
    assert (settings.strength, settings.prior_strength, settings.num_inference_steps) == (0.5, 0.85, 50)
    assert cells["kandinsky-2.2", "inpainting", "two-stage", None].settings.num_inference_steps == 150
    assert [row.prompt for row in plan.rows_of(edited)] == ["A robot, 4k photo"]
    assert plan.assets and all(asset.pending for asset in plan.assets.values())
    assert "brings it" in " ".join(plan.forecast.notes)


def test_a_task_looks_at_what_it_needs_and_at_nothing_else() -> None:
    assert set(used(WHOLE, "text-to-image", None)) == {"prompt", "negative_prompt", "seed"}
    assert set(used(WHOLE, "inpainting", None)) - set(used(WHOLE, "text-to-image", None)) == {"image", "mask"}
    assert used(WHOLE, "interpolation", None)["weights"] == [0.3, 0.7]
    assert used(WHOLE, "interpolation", (0.5, 0.5))["weights"] == [0.5, 0.5]
    assert assets_of(WHOLE, "text-to-image") == ()
    assert assets_of(WHOLE, "interpolation") == ("x" * 64,)
    assert assets_of(WHOLE, "controlnet-depth-text-to-image") == ("i" * 64,)  # whose depth is estimated
    assert assets_of(WHOLE.model_copy(update={"hint": "h" * 64}), "controlnet-depth-text-to-image") == ("h" * 64,)


@pytest.mark.parametrize(
    ("task", "without", "part"),
    [
        ("image-to-image", {"image": None}, "needs an image, and p0-s0 has no image"),
        ("inpainting", {"mask": None}, "no mask"),
        ("controlnet-depth-text-to-image", {"hint": None}, "no hint"),
        ("interpolation", {"mix": ()}, "no mix"),
        ("interpolation", {"weights": None}, "a mix without weights"),
    ],
)
def test_a_row_that_lacks_something_is_named(task: Any, without: dict[str, Any], part: str) -> None:
    rows = [WHOLE.model_copy(update={"id": "p1-s0"}), WHOLE.model_copy(update=without)]
    assert needs_refusal([WHOLE], task, "two-stage", None) is None
    assert part in str(needs_refusal(rows, task, "two-stage", None))


def test_weights_must_be_as_many_as_the_things() -> None:
    three = WHOLE.model_copy(update={"mix": (*WHOLE.mix, MixItem(text="c"))})
    assert "p0-s0 mixes 3 things, and 2 weights" in str(
        needs_refusal([three], "interpolation", "two-stage", (0.5, 0.5))
    )
    assert needs_refusal([three], "interpolation", "two-stage", (0.2, 0.3, 0.5)) is None


def test_a_row_may_be_for_one_task_only(plan_of: Plans) -> None:
    text = (
        "inputs:\n  - {prompt: both}\n  - {prompt: one, task: text-to-image}\n"
        f"  - {{prompt: two, task: image-to-image, image: {_WORLD}}}\ntask: [text-to-image, image-to-image]\n"
    )
    with pytest.raises(SpecError, match="no image"):  # the row for both has none
        plan_of(f"{text}strict: true\n")
    plan = plan_of(text.replace("{prompt: both}", f"{{prompt: both, image: {_WORLD}}}"), limit=1)
    assert [[row.prompt for row in plan.rows_of(cell)] for cell in plan.cells] == [["both"], ["both"]]
    plan = plan_of(text.replace("{prompt: both}", f"{{prompt: both, image: {_WORLD}}}"))
    assert [[row.prompt for row in plan.rows_of(cell)] for cell in plan.cells] == [["both", "one"], ["both", "two"]]
    assert plan.forecast.images == 4


def test_a_knob_that_a_task_lacks_makes_no_cells_of_it(plan_of: Plans) -> None:
    text = f"inputs: [{{prompt: x, image: {_WORLD}}}]\ntask: [text-to-image, image-to-image]\nstrength: [0.3, 0.7]\n"
    plan = plan_of(text)
    assert [cell.label for cell in plan.cells] == [
        "text-to-image", "image-to-image · strength 0.3", "image-to-image · strength 0.7",
    ]  # fmt: skip
    assert [cell.settings.strength for cell in plan.cells] == [None, 0.3, 0.7]
    with pytest.raises(SpecError, match="no task and model of this spec takes strength"):
        plan_of("prompts: x\nstrength: 0.3\n")


def test_steps_that_a_start_leaves_are_counted(plan_of: Plans) -> None:
    text = f"inputs: [{{prompt: x, image: {_WORLD}}}]\ntask: image-to-image\nnum_inference_steps: 10\n"
    assert plan_of(f"{text}strength: 0.35\n").forecast.decoder_model_calls == 3
    with pytest.raises(SpecError, match="leaves none to denoise"):
        plan_of(f"{text}strength: 0.05\n")


def test_what_diffusers_turns_is_refused(plan_of: Plans) -> None:
    text = (
        f"model: [mini-2.1, mini-2.2]\ntask: image-to-image\ninputs: [{{prompt: x, image: {_WORLD}}}]\nsize: 128x64\n"
    )
    plan = plan_of(text)
    assert [cell.settings.model for cell in plan.cells] == ["mini-2.2"] and "square" in plan.refused[0].reason


def test_a_number_is_the_second_things_share(plan_of: Plans) -> None:
    text = "task: interpolation\ninputs: [{mix: [a cat, a dog]}]\nweights: "
    assert [cell.settings.weights for cell in plan_of(f"{text}[0, 0.25]\n").cells] == [(1.0, 0.0), (0.75, 0.25)]
    assert [cell.label for cell in plan_of(f"{text}[0, 0.25]\n").cells] == ["weight 0", "weight 0.25"]
    assert [cell.settings.weights for cell in plan_of(f"{text}[[0.2, 0.9]]\n").cells] == [(0.2, 0.9)]


def test_where_diffusers_forms_differ_the_plan_says_so(plan_of: Plans) -> None:
    text = (
        f"model: mini-2.1\napi: [two-stage, combined]\ntask: image-to-image\ninputs: [{{prompt: x, image: {_WORLD}}}]\n"
    )
    notes = " ".join(plan_of(text).forecast.notes)
    assert "two-stage 7, combined 4" in notes and "betas of its own" in notes and "drop" not in notes
    told = " ".join(plan_of(f"{text}negative_prompt: blur\n").forecast.notes)
    assert "in two stages the decoder gets it too" in told
    assert "in two stages" not in " ".join(plan_of(text.replace("2.1", "2.2")).forecast.notes)


def test_metrics_are_those_of_the_task(plan_of: Plans) -> None:
    text = f"task: [text-to-image, image-to-image]\ninputs: [{{prompt: x, image: {_WORLD}}}]\n"
    plan = plan_of(text)
    assert [plan.metrics_of(cell) for cell in plan.cells] == [
        ("clip_score", "frechet", "world_truth"), ("clip_score", "image_similarity"),
    ]  # fmt: skip
    with pytest.raises(SpecError, match="outside_error says nothing of text-to-image, image-to-image"):
        plan_of(f"{text}metrics: [clip_score, outside_error]\n")


def test_the_real_models_are_the_miniature_by_another_name(plan_of: Plans) -> None:
    """The same lines plan on the hub's models."""
    for name in ("2.1", "2.2", "3"):
        assert set(MODELS[f"mini-{name}"].parts) == set(MODELS[f"kandinsky-{name}"].parts)


def test_what_nothing_looks_at_is_noted(plan_of: Plans) -> None:
    """A hint for a task that takes none is no fault of the rest, and no secret."""
    text = f"inputs: [{{prompt: x, image: {_WORLD}, hint: estimate}}, {{prompt: y}}]\n"
    notes = plan_of(text).notes
    assert "1 of 2 rows bring an image and nothing looks at it: text-to-image takes none" in notes
    assert "1 of 2 rows bring a hint and nothing looks at it: text-to-image takes none" in notes
    served = text.replace(", {prompt: y}", "") + "task: [text-to-image, controlnet-depth-text-to-image]\n"
    assert not [note for note in plan_of(served).notes if "nothing looks at" in note]  # its depth is estimated


def test_weights_of_the_spec_stand_in_for_the_rows_and_are_normalised_if_asked(plan_of: Plans) -> None:
    text = "task: interpolation\ninputs: [{mix: [a cat, a dog], weights: [0.5, 0.5]}]\nweights: [[0.2, 0.6]]\n"
    notes = " ".join(plan_of(text).notes)
    assert "sum to 0.8, not 1" in notes and "stand in for those of its rows" in notes
    plan = plan_of(f"{text}normalise_weights: true\n")
    assert plan.cells[0].settings.weights == pytest.approx((0.25, 0.75)) and "sum to" not in " ".join(plan.notes)


def test_own_weights_beside_swept_ones_have_a_label(plan_of: Plans) -> None:
    rows = "inputs: [{mix: [a cat, a dog], weights: [0.5, 0.5]}]\n"
    plan = plan_of(f"task: interpolation\n{rows}cases: [{{weights: 0.3}}, {{guidance_scale: 2}}]\n")
    assert len({cell.label for cell in plan.cells}) == 2 and "own" in plan.cells[1].label


def test_priors_are_counted_by_the_rows_that_they_serve(plan_of: Plans) -> None:
    """Two tasks with a row each: two results, though both have one row."""
    rows = f"inputs: [{{prompt: x, task: text-to-image}}, {{prompt: y, task: image-to-image, image: {_WORLD}}}]\n"
    plan = plan_of(f"{rows}task: [text-to-image, image-to-image]\nprior_num_inference_steps: 5\n")
    assert plan.forecast.prior_model_calls == 10
    mixed = plan_of(
        "task: interpolation\nprior_num_inference_steps: 5\ninputs: [{mix: [a, b, c], weights: [1, 0, 0]}]\n"
    )
    assert mixed.forecast.prior_model_calls == 5 * 4  # each text, and what it is guided away from


def test_a_model_without_an_estimator_cannot_estimate() -> None:
    from harness.plan.select import refusal

    blind = MODELS["mini-2.2"].model_copy(update={"depth": None})
    choice = {"task": "controlnet-depth-text-to-image"}
    row = _row(image="i" * 64, hint=ESTIMATE)
    assert "names no depth estimator" in str(refusal(blind, choice, [row]))
    assert refusal(blind, choice, [row.model_copy(update={"hint": "h" * 64})]) is None

"""Converged solutions in a plan: which are made, of how many rows, what they add, and why some cells have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plan.converged import whole_batches
from harness.plan.forecast import Pace
from harness.plan.render import render_plan
from harness.plan.types import Cell, Plan

Plans = Callable[..., Plan]
#: 2 schedulers × 2 step counts + the reference, for 3 prompts × 2 seeds in batches of 2
SWEEP = """
prompts: [a star, a cross, a square]
seeds: [0, 1]
scheduler: [DDIM, DPMSolverMultistep]
num_inference_steps: [4, 10]
prior_num_inference_steps: 5
compare_to: {scheduler: DDIM, num_inference_steps: 50}
batch_size: 2
metrics: [clip_score, converged_distance]
"""
TEXT = f"{SWEEP}converged: {{num_inference_steps: 90, first: 4}}\ntiming: {{repeats: 3, rounds: 2, warmups: 1}}\n"
_TRAILING = "scheduler: {DDIM: {timestep_spacing: trailing}}\n"
ONE = "prompts: x\nmetrics: converged_distance\ntiming: off\n"


def _solutions(plan: Plan) -> list[Cell]:
    return [cell for cell in plan.cells if cell.is_converged]


def test_one_for_each_choice_of_all_else_than_the_steps(plan_of: Plans) -> None:
    plan = plan_of(TEXT)
    ddim, dpm = _solutions(plan)
    assert [cell.label for cell in (ddim, dpm)] == [
        "DDIM · converged, 90 steps",
        "DPMSolverMultistep · converged, 90 steps",
    ]
    assert [cell.converged for cell in plan.scored_cells] == [ddim.id, ddim.id, dpm.id, dpm.id, ddim.id]
    for cell in plan.scored_cells:
        solution = plan.cell(cell.converged or "")
        assert cell.settings.model_copy(update={"num_inference_steps": 90}) == solution.settings
        assert cell.group == solution.group and cell.unconverged is None
    for cell in (ddim, dpm):
        assert (cell.reference, cell.is_reference, cell.converged, plan.metrics_of(cell)) == (None, False, None, ())
    assert ddim.swept == {"scheduler": "DDIM", "num_inference_steps": 90}
    assert plan.cells[-2:] == (ddim, dpm), "after those that are scored"
    assert plan.groups[0].cells[:2] == (ddim.id, dpm.id), "and made before them"


def test_what_else_is_swept_has_solutions_of_its_own(plan_of: Plans) -> None:
    plan = plan_of(f"{SWEEP}guidance_scale: [1, 4]\n")
    assert len(_solutions(plan)) == 4 and _solutions(plan)[0].settings.num_inference_steps == 250
    assert len({cell.converged for cell in plan.scored_cells}) == 4


def test_they_are_made_of_the_first_rows_in_whole_batches(plan_of: Plans) -> None:
    plan = plan_of(TEXT)
    cell, solution = plan.cells[0], _solutions(plan)[0]
    assert len(plan.rows_of(cell)) == 6 and plan.rows_of(solution) == plan.rows_of(cell)[:4]
    assert plan.batches(solution) == plan.batches(cell)[:2]
    more = plan_of(TEXT.replace("first: 4", "first: 3"))
    assert [cell.first for cell in _solutions(more)] == [4, 4]
    told = "converged.first is 4 instead of 3: whole batches of 2"
    assert any(told in note for note in more.notes) and not any("converged.first" in note for note in plan.notes)
    every = plan_of(TEXT.replace("first: 4", "first: all"))
    assert every.batches(_solutions(every)[0]) == every.batches(every.cells[0])
    few = plan_of(TEXT, limit=3)
    assert few.batches(_solutions(few)[0]) == few.batches(few.cells[0])


@pytest.mark.parametrize(
    ("first", "size", "whole"), [(16, 16, 16), (16, 4, 16), (5, 4, 8), (1, 16, 16), (None, 4, None)]
)
def test_whole_batches(first: int | None, size: int, whole: int | None) -> None:
    assert whole_batches(first, size) == whole


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("scheduler: DDPM\nnum_inference_steps: 9", "stochastic: every number of steps draws other noise"),
        ("scheduler: {DPMSolverMultistep: {algorithm_type: sde-dpmsolver++}}\nnum_inference_steps: 9", "stochastic"),
        ("scheduler: DDIM\nnum_inference_steps: 250", "250 steps are no fewer than the 250 of its converged"),
        ("scheduler: DDIM\nnum_inference_steps: 300", "300 steps are no fewer"),
        ("scheduler: {DDIM: {eta: 0.5}}\nnum_inference_steps: 9", "stochastic"),
        ("scheduler: {DDIM: {num_train_timesteps: 100, force: true}}\nnum_inference_steps: 9",
         "its converged solution cannot be made: 250 steps are more than the 100"),
        (f"{_TRAILING}num_inference_steps: 9\nconverged: {{num_inference_steps: 300}}",
         "its converged solution cannot be made: DDIMScheduler at 300 steps"),
    ],
)  # fmt: skip
def test_why_a_cell_has_none(plan_of: Plans, text: str, reason: str) -> None:
    plan = plan_of(f"{ONE}{text}\n")
    (cell,) = plan.cells
    assert cell.converged is None and (cell.unconverged or "").startswith(reason)
    assert reason in render_plan(plan) and plan.forecast.images == 1
    assert next(stage.uses for stage in plan.forecast.stages if stage.stage == "features") == 0


def test_the_model_s_own_scheduler_counts_by_its_class_if_that_is_known(plan_of: Plans) -> None:
    known = plan_of(f"{ONE}num_inference_steps: 9\n")  # the miniature's folder names DDIM
    assert [cell.converged for cell in known.scored_cells] == [_solutions(known)[0].id]
    (cell,) = plan_of(f"{ONE}model: kandinsky-2.2\nnum_inference_steps: 9\n").cells
    assert "known only when it is loaded" in (cell.unconverged or "")


def test_the_model_s_own_configuration_counts_where_it_is_here(plan_of: Plans, tmp_path: Path) -> None:
    own = {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"}
    for part, name in (("prior", "KandinskyV22PriorPipeline"), ("decoder", "KandinskyV22Pipeline")):
        (tmp_path / "mine" / part / "scheduler").mkdir(parents=True)
        index = {"_class_name": name, "scheduler": ["diffusers", own["_class_name"]]}
        (tmp_path / "mine" / part / "model_index.json").write_text(json.dumps(index))
        (tmp_path / "mine" / part / "scheduler" / "scheduler_config.json").write_text(json.dumps(own))
    text = f"{ONE}model: ./mine\nnum_inference_steps: 9\nscheduler: [model-default, DPMSolverMultistep, DDIM]\n"
    reasons = [(cell.unconverged or "")[:10] for cell in plan_of(text).scored_cells]
    assert reasons == ["stochastic", "stochastic", ""]


def test_without_the_metric_nothing_of_it_is_there(plan_of: Plans) -> None:
    plan = plan_of(SWEEP.replace(", converged_distance", ""))
    assert plan.cells == plan.scored_cells
    assert all((cell.converged, cell.unconverged) == (None, None) for cell in plan.cells)
    assert "converged" not in render_plan(plan)


def test_only_keeps_the_solutions_of_what_it_keeps(plan_of: Plans) -> None:
    plan = plan_of(TEXT, only={"scheduler": ["DPMSolverMultistep"], "num_inference_steps": ["4"]})
    assert [cell.label for cell in plan.cells] == [
        "DPMSolverMultistep · 4 steps", "DDIM · 50 steps",
        "DPMSolverMultistep · converged, 90 steps", "DDIM · converged, 90 steps",
    ]  # fmt: skip


def test_the_forecast_counts_them_and_times_none(plan_of: Plans) -> None:
    cost, without = plan_of(TEXT).forecast, plan_of(TEXT.partition("metrics:")[0] + "metrics: clip_score\n").forecast
    assert cost.images == without.images + 2 * 4 == 5 * 6 + 8
    assert cost.decoder_model_calls == without.decoder_model_calls + 2 * 4 * 90
    assert cost.prior_model_calls == without.prior_model_calls == 6 * 5, "their batches have the others' prior"
    stages = {stage.stage: (stage.uses, stage.distinct) for stage in cost.stages}
    assert stages == {"prior": (38, 6), "images": (38, 38), "features": (10, 10), "timing": (5, 5)}
    assert any("the timing pass makes about 40 images more" in note for note in cost.notes)


def test_their_seconds_are_those_of_their_pictures(plan_of: Plans) -> None:
    pace = Pace(model="mini-2.2", task="text-to-image", dtype="float32", height=64, width=64, call_s=0.01, rest_s=0.1,
                load_s=3.0, measured_in="run-1")  # fmt: skip
    without = plan_of(TEXT.partition("metrics:")[0] + "metrics: clip_score\n" + TEXT.partition("4}\n")[2], paces=[pace])
    added = (plan_of(TEXT, paces=[pace]).forecast.seconds or 0.0) - (without.forecast.seconds or 0.0)
    assert added == pytest.approx(2 * 4 * (0.1 + 90 * 0.01))


def test_few_rows_of_theirs_make_no_timed_batch_smaller(plan_of: Plans) -> None:
    plan = plan_of(TEXT.replace("first: 4", "first: 1").replace("repeats: 3", "repeats: 3, batch: 5"))
    assert plan.timing.batch == 5 and not any("timing.batch" in note for note in plan.notes)


def test_a_cell_of_the_same_steps_shares_their_pictures(plan_of: Plans) -> None:
    plan = plan_of(TEXT.replace("num_inference_steps: 50", "num_inference_steps: 90"))
    cost = plan.forecast
    assert cost.images == 5 * 6 + 4 and cost.decoder_model_calls == 6 * (4 + 10 + 4 + 10 + 90) + 4 * 90
    assert "2 cells, 4 images and 360 model calls more" in render_plan(plan)
    (reference,) = (cell for cell in plan.scored_cells if cell.settings.num_inference_steps == 90)
    assert reference.converged is None and "90 steps are no fewer" in (reference.unconverged or "")


def test_the_plan_tells_what_they_add(plan_of: Plans) -> None:
    text = render_plan(plan_of(TEXT))
    assert "5 cells × 6 images (3 prompts)" in text
    assert "converged solutions, made for converged_distance alone: 2 cells, 8 images and 720 model calls more" in text
    assert "  DDIM · converged, 90 steps                  90  4 images" in text
    defaults = plan_of(SWEEP).resolved_defaults
    assert (defaults["converged.num_inference_steps"], defaults["converged.first"]) == (250, 16)
    assert not any(key.startswith("converged") for key in plan_of(TEXT).resolved_defaults)
    assert plan_of(TEXT).resolved_defaults["guidance_scale"] == 4, "a solution's knobs are nobody's default"


def test_the_meaning_changes_with_their_steps_and_rows(plan_of: Plans) -> None:
    texts = [TEXT, TEXT.replace("90", "80"), TEXT.replace("first: 4", "first: 2"), TEXT.replace(", first: 4", "")]
    assert len({plan_of(text).spec_digest for text in texts}) == 4
    assert plan_of(TEXT.replace("first: 4", "first: 3")).spec_digest == plan_of(TEXT).spec_digest

"""Combinations counted by hand: products, cases, exclusions, references, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.models import MODELS
from harness.catalog.types import Place
from harness.errors import ExitCode, Problem, SpecError
from harness.plan.select import refusal
from harness.plan.types import Plan, SchedulerChoice

Plans = Callable[..., Plan]


def _labels(plan: Plan) -> list[str]:
    return [cell.label for cell in plan.cells]


def _faults(plan_of: Plans, text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(SpecError) as info:
        plan_of(text)
    return [(p.line, p.path, p.happened) for p in info.value.problems]


def test_sweeps_are_a_product_with_the_scheduler_outermost(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nnum_inference_steps: [4, 8]\nguidance_scale: [1, 4]\nscheduler: [DDIM, DDPM]\n")
    assert _labels(plan) == [
        f"{scheduler} · {steps} steps · guidance {guidance}"
        for scheduler in ("DDIM", "DDPM") for steps in (4, 8) for guidance in (1, 4)
    ]  # fmt: skip


def test_a_spec_without_sweeps_is_one_cell(plan_of: Plans) -> None:
    (cell,) = plan_of("prompts: x\n").cells
    assert (cell.label, cell.swept, cell.reference, cell.is_reference) == (
        "mini-2.2",
        {"model": "mini-2.2"},
        None,
        False,
    )


def test_the_reference_is_added_if_absent_and_matched_on_all_else(plan_of: Plans) -> None:
    plan = plan_of(
        "prompts: x\nscheduler: [DDIM, DDPM]\nguidance_scale: [1, 4]\nnum_inference_steps: 5\n"
        "compare_to: {scheduler: DDIM, num_inference_steps: 50}\n"
    )
    cells = {cell.id: cell for cell in plan.cells}
    compared = {c.label: cells[c.reference].label for c in plan.cells if c.reference is not None}
    assert compared == {
        "DDIM · 5 steps · guidance 1": "DDIM · 50 steps · guidance 1",
        "DDIM · 5 steps · guidance 4": "DDIM · 50 steps · guidance 4",
        "DDPM · 5 steps · guidance 1": "DDIM · 50 steps · guidance 1",
        "DDPM · 5 steps · guidance 4": "DDIM · 50 steps · guidance 4",
    }
    references = [cell for cell in plan.cells if cell.is_reference]
    assert [cell.label for cell in references] == ["DDIM · 50 steps · guidance 1", "DDIM · 50 steps · guidance 4"]
    assert all(cell.reference is None for cell in references)


def test_a_reference_that_is_swept_anyway_is_not_added_twice(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nscheduler: [DDIM, DDPM]\ncompare_to: {scheduler: DDIM}\n")
    assert [(c.label, c.is_reference, c.reference is None) for c in plan.cells] == [
        ("DDIM", True, True), ("DDPM", False, False),
    ]  # fmt: skip


def test_a_reference_may_name_a_knob_that_nothing_else_does(plan_of: Plans) -> None:
    """The others then have its default: 100 steps."""
    plan = plan_of("prompts: x\ncompare_to: {num_inference_steps: 50}\n")
    assert _labels(plan) == ["100 steps", "50 steps"]


def test_cases_replace_the_product(plan_of: Plans) -> None:
    plan = plan_of(
        "prompts: x\nscheduler: DDIM\nguidance_scale: [1, 4]\ncases:\n"
        "  - {num_inference_steps: [2, 4], guidance_scale: 4}\n"
        "  - {scheduler: DDPM}\n  - {num_inference_steps: 4, guidance_scale: 4}\n"
    )
    assert _labels(plan) == [
        "DDIM · 2 steps · guidance 4",
        "DDIM · 4 steps · guidance 4",  # asked for twice, made once
        "DDPM · 100 steps · guidance 1",
        "DDPM · 100 steps · guidance 4",
    ]


def test_exclude_takes_out_what_matches_all_its_knobs(plan_of: Plans) -> None:
    plan = plan_of(
        "prompts: x\nscheduler: [DDIM, DDPM]\nnum_inference_steps: [4, 8, 25]\n"
        "exclude: [{scheduler: DDPM, num_inference_steps: [4, 8]}]\n"
    )
    assert _labels(plan) == ["DDIM · 4 steps", "DDIM · 8 steps", "DDIM · 25 steps", "DDPM · 25 steps"]


def test_exclude_sees_defaults_too(plan_of: Plans) -> None:
    text = "prompts: x\nscheduler: [DDIM, DDPM]\nexclude: [{scheduler: DDPM, num_inference_steps: 100}]\n"
    assert _labels(plan_of(text)) == ["mini-2.2"]


EMPTY = [
    ("exclude: [{scheduler: DPMSolverMultistep}]", (3, "exclude[0]", "this excludes nothing")),
    ("exclude:\n - {scheduler: [DDIM, DDPM]}", (3, "exclude", "this excludes every combination")),
    ("compare_to: {scheduler: CogVideoXDDIM}", (3, "compare_to", "the reference cannot exist: CogVideoXDDIM")),
    ("compare_to: {guidance_scale: 4}", (3, "compare_to", "every cell is its own reference")),
    ("compare_to: {size: 100}", (3, "compare_to", "the reference cannot exist: mini-2.2 makes sizes")),
]


@pytest.mark.parametrize(("text", "fault"), EMPTY, ids=[row[0] for row in EMPTY])
def test_a_part_that_matches_nothing_is_a_fault(plan_of: Plans, text: str, fault: tuple[int, str, str]) -> None:
    ((line, path, happened),) = _faults(plan_of, f"prompts: x\nscheduler: [DDIM, DDPM]\n{text}\n")
    assert (line, path, happened.startswith(fault[2])) == (*fault[:2], True)


def test_a_reference_that_is_excluded_is_a_fault(plan_of: Plans) -> None:
    text = "prompts: x\nscheduler: [DDPM]\ncompare_to: {scheduler: DDIM}\nexclude: [{scheduler: DDIM}]\n"
    faults = _faults(plan_of, text)
    assert (3, "compare_to", "the reference is excluded") in faults


def test_a_case_that_is_all_excluded_is_a_fault(plan_of: Plans) -> None:
    text = "prompts: x\ncases:\n  - {scheduler: DDIM}\n  - {scheduler: DDPM}\nexclude: [{scheduler: DDPM}]\n"
    ((line, path, happened),) = _faults(plan_of, text)
    assert (line, path) == (4, "cases[1]") and "nothing is left of this case" in happened


def test_what_cannot_exist_is_listed_and_the_rest_runs(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nscheduler: [DDIM, IPNDM]\nsize: [64, 100, 128x64]\n")
    assert _labels(plan) == ["64 px", "128x64 px"]
    refused = [(r.swept["size"], r.swept["scheduler"], r.reason.split(":")[0]) for r in plan.refused]
    odd = "mini-2.2 makes sizes that are multiples of 64, not 100x100"
    assert refused == [
        (64, "IPNDM", "IPNDMScheduler"), (100, "DDIM", odd), (100, "IPNDM", odd),
        ("128x64", "IPNDM", "IPNDMScheduler"),
    ]  # fmt: skip


def test_strict_makes_refusals_faults_each_reason_once(plan_of: Plans) -> None:
    text = "prompts: x\nscheduler: [DDIM, IPNDM, CogVideoXDDIM]\nguidance_scale: [1, 4]\nstrict: true\n"
    faults = _faults(plan_of, text)
    assert [(line, path) for line, path, _ in faults] == [(4, "strict"), (4, "strict")]
    assert [happened.split(":")[1].strip() for _, _, happened in faults] == [
        "IPNDMScheduler", "CogVideoXDDIMScheduler",
    ]  # fmt: skip


def test_nothing_left_is_a_fault_with_its_reasons(plan_of: Plans) -> None:
    ((_, _, happened),) = _faults(plan_of, "prompts: x\nscheduler: IPNDM\n")
    assert happened.startswith("every combination is refused: IPNDMScheduler")


def test_more_combinations_than_anyone_means_are_a_fault_before_they_are_made(plan_of: Plans) -> None:
    lists = "".join(f"{knob}: {list(range(1, 100))}\n" for knob in ("num_inference_steps", "guidance_scale"))
    text = f"prompts: x\n{lists}prior_num_inference_steps: {list(range(2, 1001))}\nprior_guidance_scale: [1, 2]\n"
    ((_, _, happened),) = _faults(plan_of, text)
    assert happened.startswith(f"the sweeps make {99 * 99 * 999 * 2:,} combinations")


REFUSED = [
    (
        {"num_inference_steps": 600, "scheduler": ("DDIMScheduler", {"num_train_timesteps": 500})},
        "not the noise schedule",
    ),
    ({"num_inference_steps": 1001, "scheduler": ("DDIMScheduler", {})}, "more than the 1000"),
    (
        {"num_inference_steps": 128, "scheduler": ("DDIMScheduler", {"timestep_spacing": "trailing"})},
        "it steps back by 7 timesteps where",
    ),
    ({"num_inference_steps": 3, "scheduler": ("PNDMScheduler", {})}, "PNDMScheduler at 3 steps"),
    ({"scheduler": ("DDPMScheduler", {}), "subfolder": "nope"}, "has no nope/scheduler_config.json"),
    ({"scheduler": ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True})}, "flow-matching"),
    ({"scheduler": ("LCMScheduler", {})}, "distilled"),
]


@pytest.mark.parametrize(("choice", "part"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refusals(choice: dict[str, Any], part: str) -> None:
    choice = dict(choice)
    name, config = choice["scheduler"]
    subfolder = choice.pop("subfolder", None)
    whole = {**choice, "scheduler": SchedulerChoice(label=name, class_name=name, config=config, subfolder=subfolder)}
    assert part in str(refusal(MODELS["mini-2.2"], whole))


def test_a_models_own_scheduler_is_refused_as_a_named_one_is() -> None:
    odd = MODELS["mini-2.2"].model_copy(update={"default_schedulers": {"decoder": "IPNDMScheduler"}})
    assert "noise schedule of its own" in str(refusal(odd, {}))
    unknown = MODELS["mini-2.2"].model_copy(update={"default_schedulers": {"decoder": "HomeMadeScheduler"}})
    assert "is not known to this diffusers" in str(refusal(unknown, {}))
    assert refusal(MODELS["kandinsky-2.2"], {}) is None  # its folder says which, when it is loaded


def test_reading_and_planning_faults_come_together(plan_of: Plans) -> None:
    """As long as what is wrong leaves the combinations as they are."""
    text = (
        "nme: x\nprompts: {file: nowhere}\nscheduler: [DDIM, DDPM]\nexclude: [{dtype: float16}]\ntiming: {repeat: 3}\n"
    )
    beside = text.removeprefix("nme: x\n")
    assert [path for _, path, _ in _faults(plan_of, beside)] == ["prompts.file", "exclude[0]", "timing.repeat"]
    assert [path for _, path, _ in _faults(plan_of, text)] == ["nme", "prompts.file", "timing.repeat"]


def test_a_missing_file_beside_a_wrong_plan_is_no_missing_input(plan_of: Plans) -> None:
    with pytest.raises(SpecError) as info:
        plan_of("prompts: {file: nowhere}\nscheduler: IPNDM\n")
    assert info.value.exit_code is ExitCode.USAGE
    with pytest.raises(SpecError) as info:
        plan_of("prompts: {file: nowhere}\n")
    assert info.value.exit_code is ExitCode.MISSING


def test_a_fault_of_planning_is_a_problem_like_any_other(plan_of: Plans, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as info:
        plan_of("prompts: x\ncompare_to: {guidance_scale: 4}\n")
    (problem,) = info.value.problems
    assert isinstance(problem, Problem) and problem.file == str(tmp_path / "spec.yaml")


def test_what_the_model_itself_is_configured_with_counts_too(tmp_path: Path) -> None:
    """A folder's own noise schedule is what overrides, counts of steps and starts are judged by."""
    decoder = tmp_path / "decoder"
    (decoder / "scheduler").mkdir(parents=True)
    own = {"_class_name": "DDIMScheduler", "num_train_timesteps": 500, "beta_end": 0.02, "timestep_spacing": "trailing"}
    (decoder / "scheduler" / "scheduler_config.json").write_text(json.dumps(own))
    place = Place(kind="folder", where=str(decoder))
    model = MODELS["mini-2.2"].model_copy(update={"parts": {**MODELS["mini-2.2"].parts, "decoder": place}})
    assert "more than the 500" in str(refusal(model, {"num_inference_steps": 600}))
    assert "steps back by" in str(refusal(model, {"num_inference_steps": 128}))
    named = SchedulerChoice(label="x", class_name="DDPMScheduler", config={"beta_end": 0.02})
    assert refusal(model, {"num_inference_steps": 10, "scheduler": named}) is None
    other = named.model_copy(update={"config": {"beta_end": 0.012}})
    assert "beta_end=0.012 is not the noise schedule" in str(refusal(model, {"scheduler": other}))


def test_a_start_on_21_that_would_be_counted_from_the_end_is_refused() -> None:
    choice = {"task": "image-to-image", "num_inference_steps": 600, "strength": 0.0019}
    assert "too small for 2.1" in str(refusal(MODELS["mini-2.1"], choice))
    assert "too small for 2.1" not in str(refusal(MODELS["mini-2.2"], choice))

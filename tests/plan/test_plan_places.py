"""A refusal that ends a plan points to its line; a folder that no model has is a fault, and lists those there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.catalog.models import MODELS
from harness.catalog.scheduler_folders import scheduler_folders
from harness.catalog.types import Place
from harness.errors import SpecError
from harness.plan.forecast import started
from harness.plan.types import Plan

Plans = Callable[..., Plan]
_WORLD = "{world: a small red star on the left of a blue background}"


def _faults(plan_of: Plans, text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(SpecError) as caught:
        plan_of(text)
    return [(one.line, one.path, one.happened) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [
        ("prompts: x\nname: a\nscheduler: IPNDM\n", 3, "scheduler"),
        ("prompts: x\nscheduler:\n  - IPNDM\n", 3, "scheduler[0]"),
        ("prompts: x\ncases:\n  - scheduler: IPNDM\n", 3, "cases[0].scheduler"),
        ("prompts: x\nname: a\nsize: 65\n", 3, "size"),
        ("prompts: x\nname: a\noptimizations: movq-slicing\n", 3, "optimizations"),
    ],
)
def test_a_plan_of_which_all_is_refused_points_to_the_value(plan_of: Plans, text: str, line: int, path: str) -> None:
    ((at, where, happened),) = _faults(plan_of, text)
    assert (at, where) == (line, path) and happened.startswith("every combination is refused")


def test_each_reason_points_to_its_own_line(plan_of: Plans) -> None:
    found = _faults(plan_of, "prompts: x\nscheduler:\n  - IPNDM\n  - LCM\n")
    assert [(line, path) for line, path, _ in found] == [(3, "scheduler[0]"), (4, "scheduler[1]")]


def test_a_misspelt_folder_is_a_fault_that_names_the_right_one(plan_of: Plans) -> None:
    text = "prompts: x\nscheduler:\n  - DDIM\n  - {DDPM: {subfolder: ddpm_schedular}}\n"
    ((line, path, happened),) = _faults(plan_of, text)
    assert (line, path) == (4, "scheduler[1]")
    assert happened.endswith("there are ddpm_scheduler, scheduler: did you mean ddpm_scheduler?")


def test_a_folder_that_only_some_models_have_is_a_refusal(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nmodel: [mini-2.2, mini-3]\nscheduler: [DDIM, {DDPM: {subfolder: ddpm_scheduler}}]\n")
    (refusal,) = plan.refused
    assert refusal.swept["model"] == "mini-3" and refusal.reason.endswith("there is scheduler: did you mean scheduler?")


def test_the_hub_alone_knows_its_folders(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nmodel: kandinsky-2.2\nscheduler: [DDIM, {DDPM: {subfolder: ddpm_schedular}}]\n")
    assert len(plan.cells) == 2 and not plan.refused


def test_the_folders_are_those_with_a_configuration(tmp_path: Path) -> None:
    for name in ("scheduler", "ddpm_scheduler"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scheduler_config.json").write_text("{}")
    (tmp_path / "unet").mkdir()
    assert scheduler_folders(Place(kind="folder", where=str(tmp_path))) == ("ddpm_scheduler", "scheduler")
    assert scheduler_folders(MODELS["mini-2.2"].parts["decoder"]) == ("ddpm_scheduler", "scheduler")
    assert scheduler_folders(MODELS["kandinsky-2.2"].parts["decoder"]) is None


@pytest.mark.parametrize(
    ("steps", "strength", "told"),
    [
        (10, 0.01, "strength 0.01 of 10 steps leaves none to denoise: it needs a strength of at least 0.1, or at least "
                   "100 steps"),
        (3, 0.3, "a strength of at least 0.334, or at least 4 steps"),
        (1, 0.5, "strength 0.5 of 1 step leaves none to denoise: it needs a strength of at least 1, or at least 2 "
                 "steps"),
        (10, 0.0, "it needs a strength of at least 0.1"),
    ],
)  # fmt: skip
def test_a_start_that_leaves_no_step_says_what_would(plan_of: Plans, steps: int, strength: float, told: str) -> None:
    text = f"inputs: [{{prompt: x, image: {_WORLD}}}]\ntask: image-to-image\nnum_inference_steps: {steps}\n"
    ((_, path, happened),) = _faults(plan_of, f"{text}scheduler: DDPM\nstrength: {strength}\n")
    assert path == "strength" and happened.endswith(told)


@pytest.mark.parametrize("steps", [1, 3, 7, 10, 30, 998, 999])
def test_the_strength_that_is_named_leaves_a_step(plan_of: Plans, steps: int) -> None:
    text = f"inputs: [{{prompt: x, image: {_WORLD}}}]\ntask: image-to-image\nnum_inference_steps: {steps}\n"
    ((_, _, happened),) = _faults(plan_of, f"{text}scheduler: DDPM\nstrength: 0.0\n")
    assert started(steps, float(happened.rpartition("at least ")[2])) >= 1

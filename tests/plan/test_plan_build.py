"""A plan's other parts: rows, defaults, metrics, margins, identity; `--only` and `--limit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SpecError, UsageError
from harness.plan.types import Plan

Plans = Callable[..., Plan]
SWEEP = "prompts: [a star, a cross]\nseeds: [0, 1]\nscheduler: [DDIM, DDPM]\nnum_inference_steps: [4, 8]\n"


def test_every_default_is_resolved_and_listed(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\n")
    assert plan.resolved_defaults == {
        "model": "mini-2.2",
        "task": "text-to-image",
        "api": "two-stage",
        "dtype": "float32",
        "optimizations": "none",
        "size": 64,
        "scheduler": "model default (DDIMScheduler)",
        "num_inference_steps": 100,
        "guidance_scale": 4,
        "prior_num_inference_steps": 25,
        "prior_guidance_scale": 4,
        "batch_size": 16,
        "seeds": [0],
        "metrics": ["clip_score", "frechet", "world_truth"],
        "device": "auto",
        "threads": "the physical cores",
        "cell_timeout": "none",
        "reference_set": "the extractor's own statistics",
        "timing.repeats": 4,
        "timing.rounds": 3,
        "timing.warmups": 3,
        "timing.batch": 1,
    }
    settings = plan.cells[0].settings
    assert (settings.height, settings.width, settings.num_inference_steps, settings.guidance_scale) == (
        64,
        64,
        100,
        4.0,
    )


def test_what_the_file_names_is_no_default(plan_of: Plans) -> None:
    text = (
        "model: mini-2.2\nprompts: x\nseeds: 1\nsize: 128\ntiming: {repeats: 2}\nbatch_size: 2\nmetrics: clip_score\n"
    )
    named = {"model", "seeds", "size", "timing.repeats", "batch_size", "metrics"}
    assert named.isdisjoint(plan_of(text).resolved_defaults)
    assert not any(key.startswith("timing") for key in plan_of("prompts: x\ntiming: off\n").resolved_defaults)


def test_defaults_that_differ_by_model_are_told_for_each(plan_of: Plans) -> None:
    plan = plan_of("prompts: x\nmodel: [mini-2.2, kandinsky-2.2]\n")
    assert plan.resolved_defaults["size"] == {"mini-2.2": 64, "kandinsky-2.2": 512}
    assert plan.resolved_defaults["batch_size"] == {"mini-2.2": 16, "kandinsky-2.2": 4}
    assert [(c.settings.height, c.settings.dtype) for c in plan.cells] == [(64, "float32"), (512, "float16")]
    assert len(plan.groups) == 2 and [group.model for group in plan.groups] == ["mini-2.2", "kandinsky-2.2"]


def test_margins_are_the_specs_over_the_harnesss_own(plan_of: Plans) -> None:
    text = f"{SWEEP}compare_to: {{scheduler: DDIM}}\nmargins: {{clip_score: 1, latency: 5%}}\n"
    plan = plan_of(text)
    assert plan.margins == {"clip_score": 1.0, "world_truth": 0.05, "latency": "5%", "peak_memory": "2%"}
    assert plan.resolved_defaults["margins.world_truth"] == 0.05
    assert plan_of(SWEEP).margins == {}
    alone = plan_of(f"{SWEEP}margins: {{clip_score: 1}}\n")
    assert alone.margins == {**plan.margins, "latency": "3%"} and not any(cell.reference for cell in alone.cells)
    assert any("they count when `harness compare`" in note for note in alone.notes)
    off = plan_of(f"{SWEEP}compare_to: {{scheduler: DDIM}}\nmargins: {{world_truth: off, peak_memory: false}}\n")
    assert off.margins == {"clip_score": 0.3, "latency": "3%"} and "world_truth" in off.metrics
    assert plan.compare_to == {"scheduler": "DDIM"}


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("model: kandinsky-2.2\nmetrics: [clip_score, frechet]", "metrics", "frechet cannot be computed"),
        ("model: kandinsky-2.2\ncompare_to: {guidance_scale: 1}\nmargins: {world_truth: 1%}", "margins.world_truth",
         "not computed"),
    ],
)  # fmt: skip
def test_a_metric_without_its_network_is_a_fault(plan_of: Plans, text: str, path: str, part: str) -> None:
    with pytest.raises(SpecError) as info:
        plan_of(f"prompts: x\n{text}\n")
    (problem,) = info.value.problems
    assert problem.path == path and problem.line is not None and part in problem.happened


def test_limit_takes_the_first_rows(plan_of: Plans) -> None:
    plan = plan_of(f"{SWEEP}timing: {{batch: 4}}\n", limit=3)
    assert [(row.prompt, row.seed) for row in plan.rows] == [("a star", 0), ("a star", 1), ("a cross", 0)]
    assert plan.timing.batch == 3 and "timing.batch is 3: there are no more rows" in plan.forecast.notes
    assert plan_of(SWEEP).forecast.images == 16 and plan.forecast.images == 12


def test_the_command_lines_device_wins(plan_of: Plans) -> None:
    assert plan_of("prompts: x\ndevice: cuda\n").device == "cuda"
    assert plan_of("prompts: x\ndevice: cuda\n", device="cpu").device == "cpu"


@pytest.mark.parametrize(
    ("only", "labels"),
    [
        ({"scheduler": ["DDPM"]}, ["DDPM · 4 steps", "DDPM · 8 steps"]),
        ({"scheduler": ["DDPMScheduler"], "num_inference_steps": ["4"]}, ["DDPM · 4 steps"]),
        ({"num_inference_steps": ["4", "8"], "scheduler": ["DDIM"]}, ["DDIM · 4 steps", "DDIM · 8 steps"]),
        (
            {"num_inference_steps": ["4,8"], "scheduler": ["DDIM, DDPMScheduler", "DDIM"]},
            ["DDIM · 4 steps", "DDIM · 8 steps", "DDPM · 4 steps", "DDPM · 8 steps"],
        ),
        ({"guidance_scale": ["4.0"], "num_inference_steps": ["8"]}, ["DDIM · 8 steps", "DDPM · 8 steps"]),
        ({"size": ["64x64"], "optimizations": ["none"], "scheduler": ["DDIM"]}, ["DDIM · 4 steps", "DDIM · 8 steps"]),
    ],
)
def test_only_keeps_what_matches(plan_of: Plans, only: dict[str, list[str]], labels: list[str]) -> None:
    assert [cell.label for cell in plan_of(SWEEP, only=only).cells] == labels


SOLVERS = "prompts: x\nscheduler: [DDIM, {DPMSolverMultistep: {solver_order: 2, use_karras_sigmas: true}}, DDPM]\n"
SOLVER = "DPMSolverMultistep(solver_order=2, use_karras_sigmas=true)"


@pytest.mark.parametrize(
    ("texts", "labels"),
    [([SOLVER], [SOLVER]), ([f"DDIM,{SOLVER}"], ["DDIM", SOLVER]), ([f"{SOLVER}, DDPM"], [SOLVER, "DDPM"])],
)
def test_a_value_with_commas_of_its_own_can_be_chosen(plan_of: Plans, texts: list[str], labels: list[str]) -> None:
    assert [cell.label for cell in plan_of(SOLVERS, only={"scheduler": texts}).cells] == labels
    with pytest.raises(UsageError, match=r"use_karras_sigmas=false\): no cell has it"):
        plan_of(SOLVERS, only={"scheduler": [SOLVER.replace("true", "false")]})


def test_a_model_s_folder_may_have_a_comma_in_its_name(plan_of: Plans, tmp_path: Path) -> None:
    text = "prompts: x\nmodel: [mini-2.2, './one, two']\n"
    for part, name in (("prior", "KandinskyV22PriorPipeline"), ("decoder", "KandinskyV22Pipeline")):
        (tmp_path / "one, two" / part).mkdir(parents=True)
        (tmp_path / "one, two" / part / "model_index.json").write_text(f'{{"_class_name": "{name}"}}')
    (cell,) = plan_of(text, only={"model": ["./one, two"]}).cells
    assert cell.settings.model == "./one, two"


def test_only_keeps_the_references_of_what_it_keeps_and_says_so(plan_of: Plans) -> None:
    text = f"{SWEEP}compare_to: {{scheduler: DDIM, num_inference_steps: 50}}\n"
    plan = plan_of(text, only={"scheduler": ["DDPM"]})
    assert [cell.label for cell in plan.cells] == ["DDPM · 4 steps", "DDPM · 8 steps", "DDIM · 50 steps"]
    assert plan.groups[0].cells == tuple(cell.id for cell in plan.cells)
    assert "--only keeps DDIM · 50 steps too: others are compared with it" in plan.forecast.notes
    whole = {cell.id: cell for cell in plan_of(text).cells}
    assert all(whole[cell.id] == cell for cell in plan.cells)


@pytest.mark.parametrize(
    ("only", "happened", "do"),
    [
        ({"schedler": ["DDIM"]}, "is no knob", "did you mean scheduler?"),
        ({"scheduler": ["DDIM", "DDMP"]}, "scheduler=DDMP: no cell has it", "did you mean DDPM?"),
        ({"num_inference_steps": ["5"]}, "no cell has it", ""),
    ],
)
def test_only_of_nothing_is_refused(plan_of: Plans, only: dict[str, list[str]], happened: str, do: str) -> None:
    with pytest.raises(UsageError) as info:
        plan_of(SWEEP, only=only)
    assert happened in info.value.happened and info.value.do == do


def test_only_of_values_that_no_cell_has_together_is_refused(plan_of: Plans) -> None:
    text = f"{SWEEP}exclude: [{{scheduler: DDPM, num_inference_steps: 4}}]\n"
    with pytest.raises(UsageError, match="leaves no cell"):
        plan_of(text, only={"scheduler": ["DDPM"], "num_inference_steps": ["4"]})


def test_batches_are_consecutive_slices_of_the_rows(plan_of: Plans) -> None:
    plan = plan_of(f"{SWEEP}batch_size: 3\n")
    assert [len(batch) for batch in plan.batches(plan.cells[0])] == [3, 1]
    assert sum(plan.batches(plan.cells[0]), ()) == plan.rows
    assert plan.cell(plan.cells[1].id) is plan.cells[1]


def test_cells_keep_their_ids_when_the_plan_grows(plan_of: Plans) -> None:
    small = {cell.label: cell.id for cell in plan_of(SWEEP).cells}
    grown = {cell.label: cell.id for cell in plan_of(SWEEP.replace("DDPM]", "DDPM, DPMSolverMultistep]")).cells}
    assert small.items() <= grown.items() and len(set(grown.values())) == len(grown) == 6
    assert all(len(ident.rpartition("-")[2]) == 6 for ident in grown.values())
    assert small["DDIM · 4 steps"].startswith("DDIM-4-")


def test_ids_are_fit_for_any_file_system(plan_of: Plans) -> None:
    text = """
prompts: x
guidance_scale: [1, 7.5]
size: [64, 128x64]
scheduler: [{DPMSolverMultistep: {use_karras_sigmas: true, algorithm_type: sde-dpmsolver++, solver_order: 2}}, DDIM]
"""
    plan = plan_of(text)
    assert all(
        set(cell.id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") for cell in plan.cells
    )
    assert len({cell.id for cell in plan.cells}) == len(plan.cells) == 8
    assert any(cell.id.startswith("128x64px-DDIM-g7.5-") for cell in plan.cells)


def test_the_digest_is_of_the_meaning_not_of_the_text(plan_of: Plans) -> None:
    first = plan_of(SWEEP).spec_digest
    assert plan_of(f"# a remark\nname: other\n{SWEEP}").spec_digest == first
    changes: list[Any] = [
        SWEEP.replace("8]", "9]"),
        SWEEP.replace("a star", "a Star"),
        f"{SWEEP}timing: off\n",
        f"{SWEEP}metrics: clip_score\n",
        f"{SWEEP}compare_to: {{scheduler: DDIM}}\n",
        f"{SWEEP}threads: 1\n",
    ]
    assert len({first, *(plan_of(text).spec_digest for text in changes)}) == len(changes) + 1


def test_negative_prompts_that_do_nothing_are_told(plan_of: Plans) -> None:
    told = "switches guidance off"
    for guidance, negative, wanted in (("[1, 4]", "blur", True), ("4", "blur", False), ("1", "", False)):
        plan = plan_of(f"prompts: x\nguidance_scale: {guidance}\nnegative_prompt: '{negative}'\n")
        assert any(told in note for note in plan.forecast.notes) is wanted


def test_a_note_names_the_configuration_that_the_worker_starts_from(plan_of: Plans) -> None:
    """DDPM starts from the guide's ``ddpm_scheduler``, which says nothing that DDPM drops; DDIM's own would."""
    notes = "\n".join(plan_of("model: mini-2.2\nprompts: x\nscheduler: [DDPM, EulerDiscrete]\n").notes)
    assert "EulerDiscrete, built from the DDIMScheduler" in notes and "set_alpha_to_one" in notes
    assert "DDPM, built from" not in notes
    other = plan_of("model: mini-2.2\nprompts: x\nscheduler: {DDPM: {variance_type: fixed_small}}\n").notes
    assert any("built from the DDIMScheduler" in note for note in other)

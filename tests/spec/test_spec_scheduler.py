"""The forms of a scheduler's value; its overrides are checked by keyword, kind and word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.catalog.scheduler_words import BOUNDS, out_of_bounds, words_of
from harness.catalog.schedulers import schedulers
from harness.errors import Problem
from harness.spec.schema import schema
from harness.spec.types import Spec

Faults = Callable[[str], list[Problem]]

# (value, path under `scheduler`, part, nearest)
ONE_FAULT = [
    ("DDI", "", "'DDI' is no scheduler", "DDIM"),
    ("EulerDiscrte", "", "is no scheduler", "EulerDiscrete"),
    ("3", "", "3 is no scheduler", None),
    ("", "", "nothing is no scheduler", None),
    ("{DDIM: 3}", "", "is no scheduler", None),
    ("{DDIM: {}, DDPM: {}}", "", "is no scheduler", None),
    ("{subfolder: ddpm_scheduler}", "", "{Name: {subfolder: ddpm_scheduler}}", None),
    ("{DDIN: {eta: 1}}", "", "'DDIN' is no scheduler", "DDIM"),
    ("{DDIM: {timestep_spacin: leading}}", ".DDIM.timestep_spacin", "no such keyword", "timestep_spacing"),
    ("{DDIM: {timestep_spacing: trailling}}", ".DDIM.timestep_spacing", "leading, linspace, trailing", "trailing"),
    ("{DDIM: {timestep_spacing: }}", ".DDIM.timestep_spacing", "nothing is no timestep_spacing", None),
    ("{DDIM: {clip_sample: 1}}", ".DDIM.clip_sample", "true or false", None),
    ("{DDIM: {steps_offset: 1.5}}", ".DDIM.steps_offset", "a whole number", None),
    ("{DDIM: {beta_start: low}}", ".DDIM.beta_start", "a number", None),
    ("{DDIM: {beta_start: .nan}}", ".DDIM.beta_start", "a number", None),
    ("{DDIM: {trained_betas: [a]}}", ".DDIM.trained_betas", "a list of numbers", None),
    ("{DDIM: {subfolder: ../../secret}}", ".DDIM.subfolder", "is no folder of a model", None),
    ("{DDIM: {subfolder: /etc}}", ".DDIM.subfolder", "is no folder of a model", None),
    ("{DDIM: {subfolder: }}", ".DDIM.subfolder", "is no folder of a model", None),
    ("{DPMSolverMultistep: {solver_order: 9}}", ".DPMSolverMultistep.solver_order", "at least 1 and at most 3", None),
    ("{DPMSolverMultistep: {solver_order: 0}}", ".DPMSolverMultistep.solver_order", "at least 1 and at most 3", None),
    ("{DDIM: {beta_start: -1}}", ".DDIM.beta_start", "above 0 and below 1", None),
    ("{DDIM: {beta_end: 1}}", ".DDIM.beta_end", "above 0 and below 1", None),
    ("{DDIM: {num_train_timesteps: 0}}", ".DDIM.num_train_timesteps", "at least 1 and at most 1000", None),
    ("{DDIM: {steps_offset: -1}}", ".DDIM.steps_offset", "at least 0", None),
    ("{DDIM: {dynamic_thresholding_ratio: 0}}", ".DDIM.dynamic_thresholding_ratio", "above 0 and at most 1", None),
    ("{DDIM: {trained_betas: [0.1]}}", ".DDIM.trained_betas", "1000 of them", None),
    ("{DDIM: {trained_betas: [0.1, 2], num_train_timesteps: 2}}", ".DDIM.trained_betas", "above 0 and below 1", None),
    ("{DPMSolverMultistep: {lambda_min_clipped: low}}", ".DPMSolverMultistep.lambda_min_clipped", "a number", None),
    ("{DDIM: {eta: 2}}", ".DDIM.eta", "at most 1", None),
    ("{EulerDiscrete: {eta: 1}}", ".EulerDiscrete.eta", "takes no eta: it is deterministic", None),
    ("{DDPM: {eta: 1}}", ".DDPM.eta", "takes no eta: it always draws its noise", None),
    ("{EulerDiscrete: {clip_sample: true}}", ".EulerDiscrete.clip_sample", "takes no such keyword", None),
    ("{UniPCMultistep: {solver_type: midpoint}}", ".UniPCMultistep.solver_type", "one of bh1, bh2", None),
    ("{EulerDiscrete: {force: true}}", ".EulerDiscrete.force", "nothing to force of EulerDiscreteScheduler", None),
    ("{LCM: {force: 1}}", ".LCM.force", "true or false", None),
    ("{DPMSolverMultistep: {variance_type: big}}", ".DPMSolverMultistep.variance_type", "one of fixed_small", None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "path", "part", "nearest"), ONE_FAULT, ids=[row[0] for row in ONE_FAULT])
def test_what_is_wrong_with_a_scheduler(
    faults_of: Faults, value: str, path: str, part: str, nearest: str | None
) -> None:
    (fault,) = faults_of(f"prompts: a star\nscheduler:\n  - DDPM\n  - {value}\n")
    assert (fault.line, fault.path, fault.nearest) == (4, f"scheduler[1]{path}", nearest)
    assert part in f"{fault.happened} {fault.expected}"


def test_every_wrong_override_is_told(faults_of: Faults) -> None:
    text = "prompts: a\nscheduler:\n  DDIM:\n    clip_sample: 3\n    steps_offset: x\n    nothing: 1\n"
    found = [(fault.line, fault.path) for fault in faults_of(text)]
    assert found == [
        (4, "scheduler.DDIM.clip_sample"),
        (5, "scheduler.DDIM.steps_offset"),
        (6, "scheduler.DDIM.nothing"),
    ]


def test_overrides_of_every_kind_are_taken(spec_of: Callable[[str], Spec]) -> None:
    (choice,) = spec_of(
        "prompts: a\nscheduler: {DPMSolverMultistepScheduler: {use_karras_sigmas: true, solver_order: 3,"
        " sample_max_value: 1, lambda_min_clipped: -5.1, trained_betas: [0.1, 0.2], num_train_timesteps: 2,"
        " variance_type: , algorithm_type: dpmsolver++}}\n"
    ).sweeps["scheduler"]
    assert choice.config == {
        "use_karras_sigmas": True, "solver_order": 3, "sample_max_value": 1, "lambda_min_clipped": -5.1,
        "trained_betas": [0.1, 0.2], "num_train_timesteps": 2, "variance_type": None, "algorithm_type": "dpmsolver++",
    }  # fmt: skip
    assert choice.label.startswith("DPMSolverMultistep(algorithm_type=dpmsolver++, lambda_min_clipped=-5.1, ")


def test_arguments_of_its_steps_and_what_is_forced_are_kept_apart(spec_of: Callable[[str], Spec]) -> None:
    eta, forced, noise = spec_of(
        "prompts: a\nscheduler: [{DDIM: {eta: 0.5, timestep_spacing: trailing}}, {LCM: {force: true}},"
        " {DDPM: {beta_end: 0.02, force: true}}]\n"
    ).sweeps["scheduler"]
    assert (eta.config, eta.step, eta.force) == ({"timestep_spacing": "trailing"}, {"eta": 0.5}, False)
    assert eta.label == "DDIM(eta=0.5, timestep_spacing=trailing)"
    assert (forced.class_name, forced.config, forced.force, forced.label) == ("LCMScheduler", {}, True, "LCM(forced)")
    assert noise.force and noise.config == {"beta_end": 0.02}


def test_a_list_of_overrides_is_a_sweep_over_their_product(spec_of: Callable[[str], Spec]) -> None:
    spec = spec_of(
        "prompts: a\nscheduler:\n  - DDIM\n  - DPMSolverMultistep: {solver_order: [2, 3],"
        " use_karras_sigmas: [true, false],"
        " trained_betas: [0.1, 0.2], num_train_timesteps: 2}\n"
    )
    found = [(one.config.get("solver_order"), one.config.get("use_karras_sigmas")) for one in spec.sweeps["scheduler"]]
    assert found == [(None, None), (2, True), (2, False), (3, True), (3, False)]
    assert spec.sweeps["scheduler"][1].config["trained_betas"] == [0.1, 0.2]


def test_what_is_wrong_within_such_a_list_is_told(faults_of: Faults) -> None:
    (fault,) = faults_of("prompts: a\nscheduler:\n  DDIM: {eta: [0.5, 2]}\n")
    assert (fault.line, fault.path) == (3, "scheduler.DDIM.eta") and "2 will not do" in fault.happened
    for twice in ("[0.5, 0.5]", "[0, 0.0]"):
        (fault,) = faults_of(f"prompts: a\nscheduler: {{DDIM: {{eta: {twice}}}}}\n")
        assert "stands in the sweep twice" in fault.happened
    both = faults_of("prompts: a\nscheduler: {DDIM: {eta: [5, 6], thresholding: [true, false]}}\n")
    assert [fault.happened for fault in both] == ["5 will not do", "6 will not do"]  # each once


def test_a_sweep_that_nobody_means_is_not_made(faults_of: Faults) -> None:
    many = list(range(1000))
    (fault,) = faults_of(
        f"prompts: a\nscheduler: {{DDIM: {{steps_offset: {many}, sample_max_value: {many}, eta: {many}}}}}\n"
    )
    assert "more than 1,000 values" in fault.happened


def test_every_default_is_within_its_own_bounds() -> None:
    """A bound that refuses what diffusers itself starts from would be wrong."""
    rows = [row for row in schedulers().values() if row.verdict == "right"]
    for name, keyword, default in ((row.class_name, *pair) for row in rows for pair in row.parameters.items()):
        assert out_of_bounds(keyword, default) is None, keyword
        words = words_of(name, keyword)
        assert words is None or default is None or default in words
    assert set(BOUNDS) <= {key for row in rows for key in (*row.parameters, *row.step_parameters)}


@pytest.mark.parametrize(
    "value", ["{DDIM: {num_train_timesteps: 0}}", "{DPMSolverMultistep: {solver_order: 9}}", "{DDIM: {beta_start: -1}}"]
)
def test_an_editor_is_told_the_bounds_too(value: str) -> None:
    validator = Draft202012Validator(schema())
    assert list(validator.iter_errors(yaml.safe_load(f"prompts: a\nscheduler: {value}")))
    assert not list(validator.iter_errors(yaml.safe_load("prompts: a\nscheduler: {DDIM: {num_train_timesteps: 1}}")))

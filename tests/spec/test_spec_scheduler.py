"""The forms of a scheduler's value; its overrides are checked by keyword, kind and word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import Problem
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
    ("{DPMSolverMultistep: {lambda_min_clipped: low}}", ".DPMSolverMultistep.lambda_min_clipped", "a number", None),
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
        " beta_start: 1, lambda_min_clipped: -5.1, trained_betas: [0.1, 0.2],"
        " variance_type: , algorithm_type: dpmsolver++}}\n"
    ).sweeps["scheduler"]
    assert choice.config == {
        "use_karras_sigmas": True, "solver_order": 3, "beta_start": 1, "lambda_min_clipped": -5.1,
        "trained_betas": [0.1, 0.2], "variance_type": None, "algorithm_type": "dpmsolver++",
    }  # fmt: skip
    assert choice.label.startswith("DPMSolverMultistep(algorithm_type=dpmsolver++, beta_start=1, ")

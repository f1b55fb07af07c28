"""What a person is told who writes a scheduler in other words than a spec's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from harness.catalog.schedulers import schedulers
from harness.errors import Problem, SpecError
from harness.spec.scheduler_hints import hint_of, label_hint, right_names
from harness.spec.types import Spec

Faults = Callable[[str], list[Problem]]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Euler", "EulerDiscrete"), ("EulerAnc", "EulerAncestralDiscrete"), ("dpmsolversingle", "DPMSolverSinglestep"),
        ("eulerdiscretescheduler", "EulerDiscrete"), ("HeunDiscrte", "HeunDiscrete"), ("unip", "UniPCMultistep"),
        ("DPM++ 2M Karas", "{DPMSolverMultistep: {use_karras_sigmas: true}}"), ("FlowMatchEuler", None),
        ("CosineDPM", "CosineDPMSolverMultistep"), ("model_default", "model-default"), ("xyz", None), ("D", None),
    ],
)  # fmt: skip
def test_the_nearest_name_begins_with_what_was_typed(typed: str, meant: str | None) -> None:
    """A name that is accepted and means something else would make a silent wrong comparison."""
    found = hint_of(typed).nearest
    assert found == (meant or found)
    assert meant is not None or found is None or found not in right_names()


def test_a_name_of_a_user_interface_is_told_as_a_spec_writes_it(faults_of: Faults) -> None:
    (fault,) = faults_of("prompts: a\nscheduler: DPM++ 2M Karras\n")
    assert str(fault).endswith("\n    did you mean {DPMSolverMultistep: {use_karras_sigmas: true}}?")  # no quotes: YAML
    (remarked,) = faults_of("prompts: a\nscheduler: Euler a Karras\n")
    assert remarked.nearest == "EulerAncestralDiscrete" and "takes no use_karras_sigmas" in remarked.happened


def test_the_list_of_names_is_printed_once(faults_of: Faults) -> None:
    faults = faults_of("prompts: a\nscheduler: [Euler, LMS, Heun]\n")
    told = str(SpecError(faults))
    assert len(faults) == 3 and told.count("DPMSolverSinglestep") == 1 and told.count("did you mean") == 3


@pytest.mark.parametrize(
    "label",
    ["DPMSolverMultistep(use_karras_sigmas=true)", "DPMSolverMultistep (use_karras_sigmas)",
     "DPMSolverMultistepScheduler(use_karras_sigmas=True)"],
)  # fmt: skip
def test_a_label_of_the_tables_is_told_as_yaml(faults_of: Faults, label: str) -> None:
    (fault,) = faults_of(f"prompts: a\nscheduler: {label}\n")
    assert fault.nearest is not None and fault.nearest.replace("Scheduler", "") == (
        "{DPMSolverMultistep: {use_karras_sigmas: true}}"
    )


def test_every_label_leads_back_to_itself(spec_of: Callable[[str], Spec]) -> None:
    wanted = "[{DDIM: {eta: 0.5}}, {LCM: {force: true}}, {DDPM: {subfolder: ddpm_scheduler, clip_sample: false}}]"
    labels = [choice.label for choice in spec_of(f"prompts: a\nscheduler: {wanted}\n").sweeps["scheduler"]]
    hints = [label_hint(label) for label in labels]
    again = spec_of(f"prompts: a\nscheduler: [{', '.join(map(str, hints))}]\n").sweeps["scheduler"]
    assert [choice.label for choice in again] == labels and yaml.safe_load(str(hints[0])) == {"DDIM": {"eta": 0.5}}


# (text, line, part of what was expected)
FORMS = [
    ("scheduler:\n  - DPMSolverMultistep:\n    use_karras_sigmas: true\n", 3, "indent it deeper"),
    ("scheduler:\n  DPMSolverMultistep:\n  use_karras_sigmas: true\n", 2, "indent it deeper"),
    ("scheduler: {DDIM: {}, EulerDiscrete: {}}\n", 2, "a list, of several schedulers: [DDIM, EulerDiscrete]"),
    ("scheduler: {DDIM: {eta: 1}, DDPM: }\n", 2, "[{DDIM: …}, DDPM]"),
    ("eta: 0.5\n", 2, "`scheduler: {DDIM: {eta: 0.5}}`"),
    ("eta: 0.5\nscheduler: DDIMParallel\n", 2, "`scheduler: {DDIMParallel: {eta: 0.5}}`"),
    ("eta: 0.5\nscheduler: UniPCMultistep\n", 2, "`scheduler: {DDIM: {eta: 0.5}}`"),
    ("use_karras_sigmas: true\n", 2, "`scheduler: {DPMSolverMultistep: {use_karras_sigmas: true}}`"),
    ("cases:\n  - {scheduler: DDIM, eta: 0.5}\n", 3, "`scheduler: {DDIM: {eta: 0.5}}`"),
    ("num_inference_steps: 1001\n", 2, "from 1 to 1000: every Kandinsky was trained on 1000 timesteps"),
    ("num_inference_steps: [10, 1001]\n", 2, "from 1 to 1000: every Kandinsky was trained on 1000 timesteps"),
    ("guidance_scale: [4, 101]\n", 2, "a number from 0 to 100"),  # no model takes it: a fault, as the one above is
]


@pytest.mark.parametrize(("text", "line", "expected"), FORMS, ids=[row[0] for row in FORMS])
def test_a_form_that_was_missed_is_told(faults_of: Faults, text: str, line: int, expected: str) -> None:
    (fault,) = faults_of(f"prompts: a\n{text}")
    assert fault.line == line and expected in fault.expected and fault.nearest is None


def test_noise_is_offered_by_what_draws_it_and_runs(faults_of: Faults) -> None:
    (fault,) = faults_of("prompts: a\nscheduler: {EulerDiscrete: {eta: 1}}\n")
    assert fault.happened.endswith("for noise take EulerAncestralDiscrete")
    offered = fault.expected.removeprefix("eta with one of ").split(", ")
    assert offered == ["DDIM", "DDIMParallel"] and all(schedulers()[name].verdict == "right" for name in offered)


def test_of_many_keywords_the_nearest_are_listed(faults_of: Faults) -> None:
    (fault,) = faults_of("prompts: a\nscheduler: {DPMSolverMultistep: {karras: true}}\n")
    named = fault.expected.partition("of which ")[2].removesuffix(" are most like it").split(", ")
    assert len(named) == 5 and "use_karras_sigmas" in named

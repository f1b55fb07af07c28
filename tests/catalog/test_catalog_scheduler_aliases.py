"""What user interfaces call the schedulers is a way to write one that runs."""

from __future__ import annotations

import pytest

from harness.catalog.scheduler_aliases import ALIASES, NOISY, SCHEDULE_TYPES, alias_names, alias_of, plain, spelled
from harness.catalog.scheduler_faults import wrong_for_kandinsky
from harness.catalog.scheduler_rows import RIGHT
from harness.catalog.schedulers import is_stochastic, scheduler_row

MEANT = [
    ("Euler", "EulerDiscrete"),
    ("EulerA", "EulerAncestralDiscrete"),
    ("euler_a", "EulerAncestralDiscrete"),
    ("K_EULER", "EulerDiscrete"),
    ("k_euler_ancestral", "EulerAncestralDiscrete"),
    ("euler_k", "{EulerDiscrete: {use_karras_sigmas: true}}"),
    ("DPMSolver++", "DPMSolverMultistep"),
    ("DPM-Solver++ (2M)", "DPMSolverMultistep"),
    ("DPM++ 2M Karras", "{DPMSolverMultistep: {use_karras_sigmas: true}}"),
    ("dpmpp_2m", "DPMSolverMultistep"),
    ("dpmpp_2m_sde", "{DPMSolverMultistep: {algorithm_type: sde-dpmsolver++}}"),
    ("DPM2 a", "KDPM2AncestralDiscrete"),
    ("DPM++ SDE", "DPMSolverSDE"),
    ("LMS", "LMSDiscrete"),
    ("ddim", "DDIM"),
    ("Heun", "HeunDiscrete"),
    ("UniPC", "UniPCMultistep"),
    ("uni_pc_bh2", "UniPCMultistep"),
    ("EulerDiscrete beta", None),
]


@pytest.mark.parametrize(("typed", "spelling"), MEANT)
def test_what_a_user_interface_calls_it(typed: str, spelling: str | None) -> None:
    found = alias_of(typed)
    assert (found.spelling if found else None) == spelling


def test_every_alias_is_a_scheduler_that_runs_as_it_is_spelled() -> None:
    for name, alias in alias_names().items():
        assert alias.name in RIGHT, name
        assert set(alias.config) <= set(scheduler_row(alias.name).parameters), name
        assert wrong_for_kandinsky(f"{alias.name}Scheduler", alias.config) is None, name


def test_what_a_class_cannot_do_is_said_and_not_left_out_in_silence() -> None:
    found = alias_of("Euler a Karras")
    assert found is not None and (found.spelling, found.config) == ("EulerAncestralDiscrete", {})
    assert found.remark == "EulerAncestralDiscrete takes no use_karras_sigmas"
    similar = alias_of("DPM++ 2S a")
    assert similar is not None and "without the noise" in similar.remark


def test_no_two_names_are_one() -> None:
    names = [plain(name) for name in ALIASES]
    assert len(set(names)) == len(names) and not {plain(word) for word in SCHEDULE_TYPES} & set(names)


def test_what_stands_in_for_eta_draws_noise() -> None:
    for name, alias in NOISY.items():
        assert not is_stochastic(name, {}, {}) and is_stochastic(alias.name, alias.config, {})


def test_a_spelling_is_yaml() -> None:
    assert spelled("DDIM", {"eta": 0.5, "clip_sample": False}) == "{DDIM: {eta: 0.5, clip_sample: false}}"

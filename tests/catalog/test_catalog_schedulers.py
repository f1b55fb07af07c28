"""The schedulers' tables: whole, and true of the installed diffusers."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import pytest

from harness.catalog.models import MODELS
from harness.catalog.own_schedulers import own_config, sigmas_of
from harness.catalog.scheduler_faults import wrong_for_kandinsky
from harness.catalog.scheduler_rows import FORCIBLE, REFUSED, RIGHT, VARIANTS
from harness.catalog.scheduler_words import WORDS, words_of
from harness.catalog.schedulers import (
    SUFFIX,
    adapter_of,
    claimed_order,
    is_stochastic,
    model_calls,
    scheduler_row,
    schedulers,
)


def test_every_scheduler_that_diffusers_exports_has_a_row() -> None:
    """A new release's class turns this red until somebody has proven it right or wrong."""
    exported = {name.removesuffix(SUFFIX) for name in dir(diffusers) if name.endswith(SUFFIX)}
    assert set(RIGHT) | set(REFUSED) == exported == set(schedulers())
    assert not set(RIGHT) & set(REFUSED) and set(FORCIBLE) <= set(REFUSED)


def test_every_refusal_has_a_reason_and_every_right_one_a_variant() -> None:
    assert all(bool(row.reason) == (row.verdict == "refused") for row in schedulers().values())
    assert {variant.name for variant in VARIANTS} == set(RIGHT)
    marks = [repr(variant) for variant in VARIANTS]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: f"{v.name} {v.config} {v.step}")
def test_every_variant_can_be_written_in_a_spec(variant: Any) -> None:
    row = scheduler_row(variant.name)
    assert set(variant.config) <= set(row.parameters) and set(variant.step) <= set(row.step_parameters)
    assert wrong_for_kandinsky(row.class_name, variant.config) is None
    for keyword, value in variant.config.items():
        words = words_of(row.class_name, keyword)
        assert words is None or value in words


def test_the_words_are_of_keywords_that_exist() -> None:
    """And each default word of the right schedulers is among them."""
    rows = [row for row in schedulers().values() if row.verdict == "right"]
    for keyword in WORDS:
        here = [(row.class_name, row.parameters[keyword]) for row in rows if keyword in row.parameters]
        assert here and all(word is None or word in (words_of(name, keyword) or ()) for name, word in here), keyword


def test_an_optional_package_that_is_not_here_refuses_its_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scheduler_row("DPMSolverSDE").verdict == "right"
    schedulers.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torchsde" else object())
    row = scheduler_row("DPMSolverSDEScheduler")
    assert row.verdict == "refused" and "pip install torchsde" in row.reason
    monkeypatch.undo()
    schedulers.cache_clear()


@pytest.mark.parametrize(
    ("name", "config", "steps", "taken", "calls"),
    [
        ("DDIM", {}, 25, None, 25),
        ("DDIMScheduler", {}, 25, 10, 10),
        ("HeunDiscrete", {}, 25, None, 49),
        ("HeunDiscrete", {}, 25, 10, 19),
        ("KDPM2Discrete", {}, 1, None, 1),
        ("PNDM", {}, 25, None, 34),
        ("PNDM", {"skip_prk_steps": True}, 25, None, 26),
        ("PNDM", {}, 25, 10, 11),
        ("PNDM", {}, 25, 1, 1),
        ("HomeMade", {}, 25, None, 25),
    ],
)
def test_model_calls(name: str, config: dict[str, Any], steps: int, taken: int | None, calls: int) -> None:
    """That the pipelines really make so many is a test of theirs."""
    assert model_calls(name, config, steps, taken) == calls


def test_what_a_configuration_makes_of_a_scheduler() -> None:
    assert is_stochastic("DDPM", {}, {}) and not is_stochastic("DDIM", {}, {"eta": 0})
    assert is_stochastic("DDIM", {}, {"eta": 0.1})
    assert is_stochastic("DPMSolverMultistep", {"algorithm_type": "sde-dpmsolver++"}, {})
    assert claimed_order("DPMSolverMultistep", {"solver_order": 3}, {}) == 3
    assert claimed_order("UniPCMultistep", {}, {}) == 3 and claimed_order("DDPM", {}, {}) is None
    assert claimed_order("DDIM", {}, {"eta": 1.0}) is None
    assert adapter_of("DDIM", {}, {}) == "none" and adapter_of("DDIM", {}, {"eta": 0.5}) == "calls"
    assert adapter_of("DPMSolverMultistep", {"use_karras_sigmas": True}, {}) == "calls"
    assert adapter_of("EulerDiscrete", {}, {}) == "sigma"


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_the_noise_of_each_timestep_is_diffusers_own(schedule: str) -> None:
    config = {"beta_schedule": schedule, "beta_start": 0.00085, "beta_end": 0.012}
    kept = diffusers.DDIMScheduler(**config).alphas_cumprod.double().numpy()
    assert np.allclose(sigmas_of(config) or [], np.sqrt((1 - kept) / kept), rtol=2e-3)
    given = {"trained_betas": [0.1, 0.2, 0.3]}
    kept = diffusers.DDIMScheduler(**given, num_train_timesteps=3).alphas_cumprod.double().numpy()
    assert np.allclose(sigmas_of(given) or [], np.sqrt((1 - kept) / kept), rtol=1e-5)
    assert sigmas_of({"beta_schedule": "laplace"}) is None


def test_a_models_own_configuration_is_read_where_it_is() -> None:
    place = MODELS["mini-2.2"].parts["decoder"]
    assert (own_config(place) or {})["_class_name"] == "DDIMScheduler"
    assert (own_config(place, "ddpm_scheduler") or {})["variance_type"] == "learned_range"
    assert own_config(place, "nothing") is None and own_config(MODELS["kandinsky-2.2"].parts["decoder"]) is None


@pytest.mark.parametrize(
    ("class_name", "config", "part"),
    [
        ("DDIMScheduler", {"prediction_type": "v_prediction"}, "must stay epsilon"),
        ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True}, "flow-matching"),
        ("DPMSolverMultistepScheduler", {"variance_type": "learned_range"}, "three channels"),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True, "use_beta_sigmas": True}, "at most one of"),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver"}, "needs final_sigmas_type sigma_min"),
        ("UniPCMultistepScheduler", {"solver_type": "bh1"}, "needs final_sigmas_type sigma_min"),
        ("DDIMScheduler", {"beta_end": 0.02}, "beta_end=0.02 is not the noise schedule"),
        ("DDIMScheduler", {"rescale_betas_zero_snr": True}, "not the noise schedule"),
        ("EulerDiscreteScheduler", {"use_karras_sigmas": True, "sigma_max": 80.0}, "outside of the noise that"),
        ("EulerDiscreteScheduler", {"sigma_max": 14.6}, "sigma_max do nothing without one of use_karras_sigmas"),
        ("EDMEulerScheduler", {"sigma_min": 0.1, "sigma_max": 0.05}, "sigma_min must be below sigma_max"),
        ("EDMEulerScheduler", {"sigma_min": 0.5}, "too much noise"),
        ("EulerDiscreteScheduler", {"interpolation_type": "log_linear"}, "moves its sigmas"),
        ("UniPCMultistepScheduler", {"predict_x0": False}, "needs final_sigmas_type sigma_min"),
        ("UniPCMultistepScheduler", {"lower_order_final": False}, "needs final_sigmas_type sigma_min"),
        ("DDPMScheduler", {"variance_type": "learned"}, "must be learned_range"),
        ("DDPMScheduler", {"variance_type": "fixed_large_log"}, "not a number"),
        ("SASolverScheduler", {"tau_func": 1.0}, "is a function"),
        ("EDMEulerScheduler", {"sigma_min": 0.002}, "outside of the noise that the model has seen"),
    ],
)
def test_overrides_that_would_be_wrong_are_known(class_name: str, config: dict[str, object], part: str) -> None:
    assert part in str(wrong_for_kandinsky(class_name, config))


def test_some_of_them_only_on_a_version_or_on_a_model_of_its_own() -> None:
    assert "predicts no variance" in str(wrong_for_kandinsky("DDPMScheduler", {"variance_type": "learned_range"}, "3"))
    assert "beta_sigmas" in str(wrong_for_kandinsky("EulerDiscreteScheduler", {"use_beta_sigmas": True}, "3"))
    assert wrong_for_kandinsky("EDMEulerScheduler", {"sigma_max": 100.0}, "3") is None
    dense = {"use_beta_sigmas": True, "beta_schedule": "squaredcos_cap_v2"}
    assert "beta_sigmas" in str(wrong_for_kandinsky("EulerDiscreteScheduler", {}, "3", own=dense))
    assert wrong_for_kandinsky("DDIMScheduler", {"beta_end": 0.02}, own={"beta_end": 0.02}) is None
    assert wrong_for_kandinsky("DDIMScheduler", {"beta_end": 0.02}, force=True) is None
    assert wrong_for_kandinsky("DDIMScheduler", {"prediction_type": "sample"}, force=True) is not None


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("DDIMScheduler", {}),
        ("DDIMScheduler", {"beta_end": 0.012, "num_train_timesteps": 1000}),
        ("DDPMScheduler", {"variance_type": "learned_range"}),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True, "use_beta_sigmas": False}),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
        ("EulerDiscreteScheduler", {"use_karras_sigmas": True, "sigma_max": 14.6}),
        ("EDMEulerScheduler", {"sigma_min": 0.05, "sigma_max": 14.6}),
        ("UniPCMultistepScheduler", {"predict_x0": False, "final_sigmas_type": "sigma_min"}),
    ],
)
def test_overrides_that_are_right_pass(class_name: str, config: dict[str, object]) -> None:
    assert wrong_for_kandinsky(class_name, config) is None

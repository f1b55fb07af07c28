"""Overrides that would make a scheduler wrong under Kandinsky, or keep it from starting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.catalog.least_steps import COSINE
from harness.catalog.own_schedulers import NOISE_KEYS, sigmas_of
from harness.catalog.schedulers import SPACINGS, scheduler_row
from harness.catalog.types import Version

_LAST_SIGMA = 0.2  # from which one step still ends well
_SLACK = 1.01  # of a sigma's bound: a number that was rounded for a spec
#: What is known of a model whose folder is not here.
_USUAL: dict[Version, dict[str, Any]] = {
    "2.1": {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012},
    "2.2": {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012},
    "3": {"beta_schedule": COSINE},
}


def wrong_for_kandinsky(
    class_name: str,
    config: Mapping[str, Any],
    version: Version = "2.2",
    *,
    own: Mapping[str, Any] | None = None,
    force: bool = False,
) -> str | None:
    """Why a scheduler with these overrides would be wrong, or would not start; ``None`` if nothing is known.

    Args:
        class_name: diffusers' name.
        config: the overrides.
        version: of the model.
        own: the configuration of the model's own scheduler; ``None`` if it is not known.
        force: let another noise schedule pass, for a model that was trained on it.
    """
    base = {**_USUAL[version], **(own or {})}
    parameters = scheduler_row(class_name).parameters
    whole = {key: value for key, value in {**(own or {}), **config}.items() if key in parameters}
    known = {
        f"Kandinsky {version}'s UNet predicts the noise: prediction_type must stay epsilon": (
            config.get("prediction_type", "epsilon") != "epsilon"
        ),
        f"Kandinsky {version} is no flow-matching model": (
            config.get("use_flow_sigmas") or config.get("use_dynamic_shifting")
        ),
        **_of_the_variance(class_name, config, version),
        **_of_the_noise(class_name, config, base, force),
        **_of_the_sigmas(whole, base, always="sigma_schedule" in parameters),
        **_of_the_last_step(class_name, whole),
        "tau_func is a function, which no file can hold": config.get("tau_func") is not None,
        "interpolation_type log_linear moves its sigmas, and not the timesteps that the UNet is asked at": (
            whole.get("interpolation_type") == "log_linear"
        ),
    }
    return next((reason for reason, wrong in known.items() if wrong), None)


def _of_the_variance(class_name: str, config: Mapping[str, Any], version: Version) -> dict[str, bool]:
    asked = str(config.get("variance_type"))
    multistep = class_name in ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "SASolverScheduler")
    return {
        "with a learned variance it keeps three channels, as a pixel model has; Kandinsky's latents have four": (
            multistep and asked.startswith("learned")
        ),
        f"Kandinsky {version}'s UNet predicts no variance": asked.startswith("learned") and version == "3",
        "Kandinsky's UNet has learned a share between two variances: variance_type must be learned_range": (
            asked == "learned"
        ),
        "variance_type fixed_large_log makes pictures that are not a number: diffusers takes the root of a logarithm": (
            asked == "fixed_large_log"
        ),
    }


def _of_the_noise(class_name: str, config: Mapping[str, Any], base: Mapping[str, Any], force: bool) -> dict[str, bool]:
    defaults = scheduler_row(class_name).parameters
    for key in NOISE_KEYS:
        if key in config and config[key] != base.get(key, defaults.get(key)) and not force:
            reason = (
                f"{key}={config[key]} is not the noise schedule that the model was trained on: its UNet would meet "
                "other noise than each timestep promises (`force: true` beside it runs it all the same)"
            )
            return {reason: True}
    return {}


def _of_the_sigmas(config: Mapping[str, Any], base: Mapping[str, Any], *, always: bool) -> dict[str, bool]:
    """``always``: the class looks at ``sigma_min`` and ``sigma_max`` whatever else is set, as EDM's do."""
    cosine, spread = base.get("beta_schedule") == COSINE, [key for key in SPACINGS if config.get(key)]
    asked = {key: config[key] for key in ("sigma_min", "sigma_max") if config.get(key) is not None}
    return {
        "it takes at most one of " + ", ".join(SPACINGS): len(spread) > 1,
        "use_beta_sigmas spends its steps where there is nothing but noise: this model's sigmas reach 20,000": (
            cosine and bool(config.get("use_beta_sigmas"))
        ),
        "sigma_min must be below sigma_max": len(asked) == 2 and asked["sigma_min"] >= asked["sigma_max"],
        f"sigma_min={asked.get('sigma_min')} would leave its last step too much noise: at most {_LAST_SIGMA:g}": (
            asked.get("sigma_min", 0) > _LAST_SIGMA
        ),
        f"{' and '.join(asked)} do nothing without one of {', '.join(SPACINGS[:3])}": (
            bool(asked) and not spread and not always
        ),
        **_unseen(asked, base),
    }


def _unseen(asked: Mapping[str, float], base: Mapping[str, Any]) -> dict[str, bool]:
    """Sigmas that are outside of the noise schedule that the model was trained on."""
    levels = sigmas_of(dict(base)) if asked else None  # a thousand levels, for each combination of a plan
    if levels is None:
        return {}
    low, high = levels[0] / _SLACK, levels[-1] * _SLACK
    seen = f"sigma {levels[0]:.4g} to {levels[-1]:.4g}"
    return {
        f"{key}={value:g} is outside of the noise that the model has seen: {seen}": not low <= value <= high
        for key, value in asked.items()
    }


def _of_the_last_step(class_name: str, config: Mapping[str, Any]) -> dict[str, bool]:
    unipc = class_name == "UniPCMultistepScheduler"
    algorithm, to_zero = str(config.get("algorithm_type", "")), config.get("final_sigmas_type") != "sigma_min"
    return {
        f"{algorithm} needs final_sigmas_type sigma_min": algorithm in ("dpmsolver", "sde-dpmsolver") and to_zero,
        "solver_type bh1 needs final_sigmas_type sigma_min: at a last sigma of zero it divides infinities": (
            unipc and config.get("solver_type") == "bh1" and to_zero
        ),
        "predict_x0: false needs final_sigmas_type sigma_min: at a last sigma of zero it divides infinities": (
            unipc and config.get("predict_x0") is False and to_zero
        ),
        "lower_order_final: false needs final_sigmas_type sigma_min: at a last sigma of zero it divides infinities": (
            unipc and config.get("lower_order_final") is False and to_zero
        ),
    }

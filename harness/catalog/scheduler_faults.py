"""Overrides that would make a scheduler wrong under Kandinsky, or keep it from starting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.catalog.own_schedulers import NOISE_KEYS, sigmas_of
from harness.catalog.schedulers import SPACINGS, scheduler_row
from harness.catalog.types import Version

_SLACK = 1.01  # of a sigma's bound: a number that was rounded for a spec
#: What is known of a model whose folder is not here.
_USUAL: dict[Version, dict[str, Any]] = {
    "2.1": {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012},
    "2.2": {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012},
    "3": {"beta_schedule": "squaredcos_cap_v2"},
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
    known = {
        f"Kandinsky {version}'s UNet predicts the noise: prediction_type must stay epsilon": (
            config.get("prediction_type", "epsilon") != "epsilon"
        ),
        f"Kandinsky {version} is no flow-matching model": (
            config.get("use_flow_sigmas") or config.get("use_dynamic_shifting")
        ),
        **_of_the_variance(class_name, config, version),
        **_of_the_noise(class_name, config, base, force),
        **_of_the_sigmas(class_name, config, base),
        **_of_the_last_step(class_name, config),
    }
    return next((reason for reason, wrong in known.items() if wrong), None)


def _of_the_variance(class_name: str, config: Mapping[str, Any], version: Version) -> dict[str, bool]:
    learned = str(config.get("variance_type")).startswith("learned")
    multistep = class_name in ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "SASolverScheduler")
    return {
        "with a learned variance it keeps three channels, as a pixel model has; Kandinsky's latents have four": (
            multistep and learned
        ),
        f"Kandinsky {version}'s UNet predicts no variance": learned and version == "3",
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


def _of_the_sigmas(class_name: str, config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, bool]:
    found = {"it takes at most one of " + ", ".join(SPACINGS): sum(bool(config.get(key)) for key in SPACINGS) > 1}
    cosine = base.get("beta_schedule") == "squaredcos_cap_v2"
    found["use_beta_sigmas spends its steps where there is nothing but noise: this model's sigmas reach 20,000"] = (
        cosine and bool(config.get("use_beta_sigmas"))
    )
    levels = sigmas_of({**base, **{key: config[key] for key in NOISE_KEYS if key in config}})
    asked = {key: config.get(key) for key in ("sigma_min", "sigma_max")}
    if levels is not None:
        low, high = levels[0], levels[-1]
        outside = [key for key, value in asked.items()
                   if value is not None and not low / _SLACK <= value <= high * _SLACK]  # fmt: skip
        for key in outside:
            told = (
                f"{key}={asked[key]:g} is outside of the noise that the model has seen: sigma {low:.4g} to {high:.4g}"
            )
            found[told] = True
    return found


def _of_the_last_step(class_name: str, config: Mapping[str, Any]) -> dict[str, bool]:
    algorithm, to_zero = str(config.get("algorithm_type", "")), config.get("final_sigmas_type") != "sigma_min"
    return {
        f"{algorithm} needs final_sigmas_type sigma_min": algorithm in ("dpmsolver", "sde-dpmsolver") and to_zero,
        "solver_type bh1 needs final_sigmas_type sigma_min: at a last sigma of zero it divides infinities": (
            class_name == "UniPCMultistepScheduler" and config.get("solver_type") == "bh1" and to_zero
        ),
    }

"""The schedulers: a row for every class that diffusers exports, right or refused with the reason."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

from harness.catalog.diffusers_table import table
from harness.catalog.types import SchedulerRow, Version

SUFFIX = "Scheduler"
_UNPROVEN = "not yet proven right under Kandinsky's calling convention"
_SIGMA_SPACE = "works in sigma space, and no Kandinsky pipeline calls scale_model_input: it would run and be wrong"
_NO_GENERATOR = "its step takes no generator, which every Kandinsky pipeline passes: it would raise TypeError"

#: name: (stochastic, model calls for each step)
_RIGHT: dict[str, tuple[bool, int]] = {
    "DDIM": (False, 1),
    "DDPM": (True, 1),
    "DPMSolverMultistep": (False, 1),
}
_REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("EulerDiscrete", "EulerAncestralDiscrete", "EDMEuler", "EDMDPMSolverMultistep", "DPMSolverSDE"), _SIGMA_SPACE
    ),
    **dict.fromkeys(
        ("UniPCMultistep", "DEISMultistep", "PNDM", "HeunDiscrete", "LMSDiscrete", "KDPM2Discrete", "IPNDM"),
        _NO_GENERATOR,
    ),
    **dict.fromkeys(("LCM", "TCD"), "suits distilled models only"),
    "UnCLIP": "the prior's scheduler, not the decoder's",
}

#: keyword: the words that it takes
WORDS: dict[str, tuple[str, ...]] = {
    "timestep_spacing": ("leading", "linspace", "trailing"),
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "prediction_type": ("epsilon", "sample", "v_prediction"),
    "variance_type": ("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"),
    "algorithm_type": ("dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"),
    "solver_type": ("midpoint", "heun"),
    "final_sigmas_type": ("zero", "sigma_min"),
    "time_shift_type": ("exponential", "linear"),
}
_BETA: dict[str, float] = {"exclusiveMinimum": 0, "exclusiveMaximum": 1}
#: keyword: the numbers that it takes, in JSON Schema's words; of a list, each of its numbers
BOUNDS: dict[str, dict[str, float]] = {
    "num_train_timesteps": {"minimum": 1, "maximum": 1000},  # the UNet has seen no others
    "beta_start": _BETA,
    "beta_end": _BETA,
    "trained_betas": _BETA,
    "solver_order": {"minimum": 1, "maximum": 3},
    "steps_offset": {"minimum": 0, "maximum": 999},
    "clip_sample_range": {"exclusiveMinimum": 0},
    "dynamic_thresholding_ratio": {"exclusiveMinimum": 0, "maximum": 1},
    "sample_max_value": {"minimum": 1},
    "flow_shift": {"exclusiveMinimum": 0},
    "lambda_min_clipped": {"maximum": 0},
}
_LIMITS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", operator.ge),
    "exclusiveMinimum": ("above", operator.gt),
    "maximum": ("at most", operator.le),
    "exclusiveMaximum": ("below", operator.lt),
}
_SPACINGS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")


@cache
def schedulers() -> dict[str, SchedulerRow]:
    """Name (without the suffix) → row."""
    return {name.removesuffix(SUFFIX): _row(name.removesuffix(SUFFIX)) for name in table()["schedulers"]}


def _row(name: str) -> SchedulerRow:
    stochastic, calls = _RIGHT.get(name, (False, 1))
    return SchedulerRow(
        name=name,
        class_name=name + SUFFIX,
        stochastic=stochastic,
        model_calls_per_step=calls,
        verdict="right" if name in _RIGHT else "refused",
        reason="" if name in _RIGHT else _REFUSED.get(name, _UNPROVEN),
        parameters=table()["schedulers"][name + SUFFIX],
    )


def out_of_bounds(keyword: str, value: Any) -> str | None:
    """What was expected, if a number (or one of a list) is out of the keyword's bounds; ``None`` if it is fine."""
    bounds = BOUNDS.get(keyword, {})
    numbers = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int | float)]
    if all(_LIMITS[name][1](number, limit) for name, limit in bounds.items() for number in numbers):
        return None
    return " and ".join(f"{_LIMITS[name][0]} {limit:g}" for name, limit in bounds.items())


def wrong_for_kandinsky(class_name: str, config: dict[str, Any], version: Version = "2.2") -> str | None:
    """Why a scheduler with these overrides would be wrong, or would not start; ``None`` if nothing is known."""
    multistep = class_name == "DPMSolverMultistepScheduler"
    algorithm = str(config.get("algorithm_type", "dpmsolver++"))
    known = {
        f"Kandinsky {version}'s UNet predicts the noise: prediction_type must stay epsilon": (
            config.get("prediction_type", "epsilon") != "epsilon"
        ),
        f"Kandinsky {version} is no flow-matching model": (
            config.get("use_flow_sigmas") or config.get("use_dynamic_shifting")
        ),
        "with a learned variance it keeps three channels, as a pixel model has; Kandinsky's latents have four": (
            multistep and str(config.get("variance_type")).startswith("learned")
        ),
        "it takes at most one of " + ", ".join(_SPACINGS): sum(bool(config.get(key)) for key in _SPACINGS) > 1,
        f"{algorithm} needs final_sigmas_type sigma_min": (
            not algorithm.endswith("++") and config.get("final_sigmas_type") != "sigma_min"
        ),
    }
    return next((reason for reason, wrong in known.items() if wrong), None)

"""What the keywords of schedulers take: words, and bounds of numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

#: keyword: the words that it takes
WORDS: dict[str, tuple[str, ...]] = {
    "timestep_spacing": ("leading", "linspace", "trailing"),
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "prediction_type": ("epsilon", "sample", "v_prediction"),
    "variance_type": ("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"),
    "algorithm_type": ("dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"),
    "solver_type": ("midpoint", "heun"),
    "sigma_schedule": ("karras", "exponential"),
    "interpolation_type": ("linear", "log_linear"),
    "timestep_type": ("discrete", "continuous"),
    "final_sigmas_type": ("zero", "sigma_min"),
    "time_shift_type": ("exponential", "linear"),
}
#: What a class takes instead, where the same keyword has other words there.
_OWN_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("DEISMultistepScheduler", "algorithm_type"): ("deis",),
    ("DEISMultistepScheduler", "solver_type"): ("logrho",),
    ("DPMSolverSinglestepScheduler", "algorithm_type"): ("dpmsolver", "dpmsolver++", "sde-dpmsolver++"),
    ("EDMDPMSolverMultistepScheduler", "algorithm_type"): ("dpmsolver++", "sde-dpmsolver++"),
    ("SASolverScheduler", "algorithm_type"): ("data_prediction", "noise_prediction"),
    ("UniPCMultistepScheduler", "solver_type"): ("bh1", "bh2"),
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
    "sigma_min": {"exclusiveMinimum": 0},
    "sigma_max": {"exclusiveMinimum": 0},
    "sigma_data": {"exclusiveMinimum": 0},
    "rho": {"exclusiveMinimum": 0},
    "predictor_order": {"minimum": 1, "maximum": 4},
    "corrector_order": {"minimum": 1, "maximum": 4},
    "eta": {"minimum": 0, "maximum": 1},
}
_LIMITS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", operator.ge),
    "exclusiveMinimum": ("above", operator.gt),
    "maximum": ("at most", operator.le),
    "exclusiveMaximum": ("below", operator.lt),
}


def words_of(class_name: str, keyword: str) -> tuple[str, ...] | None:
    """The words that a class's keyword takes; ``None`` if it takes something else."""
    return _OWN_WORDS.get((class_name, keyword)) or WORDS.get(keyword)


def out_of_bounds(keyword: str, value: Any) -> str | None:
    """What was expected, if a number (or one of a list) is out of the keyword's bounds; ``None`` if it is fine."""
    bounds = BOUNDS.get(keyword, {})
    numbers = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int | float)]
    if all(_LIMITS[name][1](number, limit) for name, limit in bounds.items() for number in numbers):
        return None
    return " and ".join(f"{_LIMITS[name][0]} {limit:g}" for name, limit in bounds.items())

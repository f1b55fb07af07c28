"""A model's noise schedule as the proof knows it: its level at any timestep, whole or between two."""

from __future__ import annotations

from functools import cache
from typing import Any

import diffusers
import numpy as np
import torch

from harness.catalog.types import Version

#: The published schedulers of the decoders, from which every scheduler of the proof starts. They are older than
#: ``timestep_spacing``: each class takes its own default.
_LINEAR: dict[str, Any] = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear",
    "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1, "prediction_type": "epsilon",
    "variance_type": "learned_range",
}  # fmt: skip
_COSINE: dict[str, Any] = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.02, "beta_schedule": "squaredcos_cap_v2",
    "clip_sample": False, "steps_offset": 1, "prediction_type": "epsilon", "variance_type": "fixed_small",
}  # fmt: skip
_BASES: dict[Version, dict[str, Any]] = {"2.1": _LINEAR, "2.2": _LINEAR, "3": _COSINE}


def base_config(version: Version) -> dict[str, Any]:
    """A decoder's own scheduler configuration: the start of every other."""
    return dict(_BASES[version])


class Levels:
    """The share of signal ``alpha`` (``alphas_cumprod``) at a timestep; log sigma is interpolated between whole ones.

    Args:
        alphas_cumprod: (train timesteps,).
    """

    def __init__(self, alphas_cumprod: torch.Tensor) -> None:
        self.alphas_cumprod = alphas_cumprod
        alphas = alphas_cumprod.double().numpy()
        self._log_sigmas = 0.5 * (np.log1p(-alphas) - np.log(alphas))
        self._steps = np.arange(len(alphas))

    def alpha(self, timestep: float) -> float:
        """``alpha`` at a timestep."""
        return alpha_of_sigma(float(np.exp(np.interp(timestep, self._steps, self._log_sigmas))))


def alpha_of_sigma(sigma: float) -> float:
    """The share of signal where the noise is ``sigma`` times as wide as the data (T. Karras et al., 2022)."""
    return 1.0 / (1.0 + sigma * sigma)


def sigma_of_alpha(alpha: float) -> float:
    """The other way."""
    return float(((1.0 - alpha) / alpha) ** 0.5)


@cache
def levels_of(version: Version) -> Levels:
    """The noise schedule that a version's decoder was trained on."""
    own = diffusers.DDPMScheduler.from_config(base_config(version))
    return Levels(own.alphas_cumprod)

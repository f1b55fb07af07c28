"""A model's own scheduler, read from its folder: where every other one starts from."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from harness.catalog.scheduler_rows import READS_VARIANCE
from harness.catalog.types import Place

DDPM_FOLDER = "ddpm_scheduler"  # beside a decoder's own scheduler, as diffusers' guide loads it
_HARNESS = Path(__file__).parent.parent
#: Keys that say how noisy each timestep is: the model was trained on them.
NOISE_KEYS = (
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr",
)  # fmt: skip


def own_config(place: Place, subfolder: str = "scheduler") -> dict[str, Any] | None:
    """The configuration as its file has it, class name included; ``None`` where it is not here or cannot be read."""
    if place.kind == "hub":
        return None
    file = (_HARNESS if place.kind == "package" else Path()) / place.where / subfolder / "scheduler_config.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def starts_from(class_name: str, config: Mapping[str, Any], own: Mapping[str, Any], *, learned: bool) -> str:
    """The subfolder whose configuration a class starts from, where a spec names none.

    DDPM takes ``ddpm_scheduler``, as the guide does, if the UNet has a variance half (``learned``) that the decoder's
    own configuration says nothing of. Whether the folder is there is the caller's to see.
    """
    silent = learned and class_name in READS_VARIANCE and own.get("variance_type") is None
    return DDPM_FOLDER if silent and "variance_type" not in config else "scheduler"


def sigmas_of(config: dict[str, Any]) -> list[float] | None:
    """Noise level of each timestep, ``sqrt((1 - alphas_cumprod) / alphas_cumprod)``: one a train timestep, rising.

    ``None`` for a schedule that is not one of diffusers' three.
    """
    betas = _betas(config)
    if betas is None:
        return None
    kept = accumulate((1 - beta for beta in betas), operator.mul)
    return [math.sqrt((1 - alpha) / alpha) for alpha in kept]


def _betas(config: dict[str, Any]) -> list[float] | None:
    if config.get("trained_betas") is not None:
        return [float(beta) for beta in config["trained_betas"]]
    steps, name = int(config.get("num_train_timesteps", 1000)), config.get("beta_schedule", "linear")
    low, high = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    if name == "linear":
        return _even(low, high, steps)
    if name == "scaled_linear":
        return [root**2 for root in _even(low**0.5, high**0.5, steps)]
    if name == "squaredcos_cap_v2":  # A. Nichol and P. Dhariwal, ICML 2021
        left = [math.cos((step / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for step in range(steps + 1)]
        return [min(1 - after / before, 0.999) for before, after in pairwise(left)]
    return None


def _even(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * place / max(count - 1, 1) for place in range(count)]

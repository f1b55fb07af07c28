"""Counts of steps at which a scheduler that is right otherwise goes wrong. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.catalog.schedulers import scheduler_row

_TRAIN = 1000
_SAME_STRIDE = ("DDIM", "DDIMParallel")
_WHOLE_STRIDE = (*_SAME_STRIDE, "DDPM", "DDPMParallel", "PNDM")  # the others interpolate
_DRIFT, _FROM = 0.06, 30
_NEAREST = 2
_RUNGE_KUTTA = 4  # steps of PNDM's start


def unstable(name: str, config: Mapping[str, Any], steps: int, taken: int | None = None) -> str | None:
    """Why a scheduler is wrong at this ``num_inference_steps``, with the nearest counts that are good, or ``None``.

    Args:
        name: the class, with or without the suffix.
        config: its configuration: the model's own keys (``beta_schedule`` among them) and the overrides.
        steps: ``num_inference_steps``.
        taken: how many of them a start in the middle leaves; ``None`` for a task without one.
    """
    reason = _reason(name, config, steps, taken)
    if reason is None:
        return None
    good = [
        n
        for n in sorted(range(1, _TRAIN + 1), key=lambda n: (abs(n - steps), n))
        if not _reason(name, config, n, taken)
    ]
    words = " or ".join(str(n) for n in sorted(good[:_NEAREST]))
    return f"{reason}: take {words} steps" if words else reason


def _reason(name: str, config: Mapping[str, Any], steps: int, taken: int | None) -> str | None:
    row = scheduler_row(name)
    spacing = str(config.get("timestep_spacing", row.parameters.get("timestep_spacing")))
    if row.name in _SAME_STRIDE and spacing in ("trailing", "linspace") and 1 < steps <= _TRAIN:
        gap = _TRAIN / steps if spacing == "trailing" else (_TRAIN - 1) / (steps - 1)
        drift = (gap - _TRAIN // steps) * steps / _TRAIN
        if abs(drift) > _DRIFT and steps >= _FROM:
            stride = f"{_TRAIN // steps}"
            return f"it steps back by {stride} timesteps where its schedule's are {gap:.2f} apart ({spacing} spacing)"
    if row.name in _WHOLE_STRIDE and spacing == "leading" and 0 < steps <= _TRAIN:
        offset = int(config.get("steps_offset", row.parameters.get("steps_offset", 0)))
        if (steps - 1) * (_TRAIN // steps) + offset >= _TRAIN:
            return f"it begins at timestep {_TRAIN}, which the noise schedule does not have (leading spacing)"
    if row.name == "PNDM" and taken is None and not config.get("skip_prk_steps") and steps < _RUNGE_KUTTA:
        return f"its Runge-Kutta start takes {_RUNGE_KUTTA} at least (skip_prk_steps: true needs none)"
    return None

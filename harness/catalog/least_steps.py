"""How many steps a scheduler needs at the least, from the top of the noise schedule; measured, row by row.

Below these counts it overshoots: what it makes of normally distributed data with the ideal denoiser is more than half
as wide again as the data, or has another mean, or is no number. (Others only make too little variety of too few steps,
which is what few steps cost; no count of theirs is refused.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COSINE = "squaredcos_cap_v2"
_KARRAS: dict[str, Any] = {"use_karras_sigmas": True}
_EXPONENTIAL: dict[str, Any] = {"use_exponential_sigmas": True}
_BETA: dict[str, Any] = {"use_beta_sigmas": True}
_THIRD: dict[str, Any] = {"solver_order": 3}
_SKIP: dict[str, Any] = {"skip_prk_steps": True}
NONE = 1001  # no count will do
_LEADING, _LINSPACE, _TRAILING = ({"timestep_spacing": word} for word in ("leading", "linspace", "trailing"))


@dataclass(frozen=True)
class Least:
    """A row. ``linear``, ``cosine``: the least count on either noise schedule; ``when``: with these in its config."""

    linear: int
    cosine: int
    when: Mapping[str, Any] = field(default_factory=dict)

    def suits(self, config: Mapping[str, Any]) -> bool:
        """Whether a configuration is of this kind."""
        return all(config.get(key) == value for key, value in self.when.items())


#: class → rows, of which the first that suits holds
LEAST: dict[str, tuple[Least, ...]] = {
    "DDIM": (Least(3, 1, _LINSPACE),),
    "DDIMParallel": (Least(3, 1, _LINSPACE),),
    "DDPM": (Least(4, 3, {"variance_type": "fixed_large"}),),
    "DDPMParallel": (Least(4, 3, {"variance_type": "fixed_large"}),),
    "DEISMultistep": (
        Least(1, 6, _KARRAS | _THIRD),
        Least(1, 7, _EXPONENTIAL | _THIRD),
        Least(1, 6, _EXPONENTIAL),
    ),
    "DPMSolverMultistep": (
        Least(10, 35, _KARRAS | {"algorithm_type": "sde-dpmsolver"}),
        Least(16, 182, {"algorithm_type": "sde-dpmsolver"}),
        Least(1, 8, _KARRAS | {"algorithm_type": "dpmsolver"}),
        Least(1, 21, _KARRAS | _THIRD),
        Least(1, 5, _KARRAS),
        Least(1, 7, _EXPONENTIAL | _THIRD),
        Least(1, 5, _EXPONENTIAL),
    ),
    "DPMSolverSinglestep": (
        Least(1, 7, _EXPONENTIAL | _THIRD),
        Least(1, 3, _EXPONENTIAL),
    ),
    "EulerAncestralDiscrete": (
        Least(1, 4, _TRAILING),
        Least(1, 5, _LINSPACE),
    ),
    "HeunDiscrete": (
        Least(6, 16, _KARRAS),
        Least(6, 11, _EXPONENTIAL),
        Least(11, NONE, _BETA),
        Least(1, 28, _TRAILING),
        Least(4, 3, _LEADING),
        Least(5, 29),
    ),
    "KDPM2AncestralDiscrete": (
        Least(8, 25, _KARRAS),
        Least(7, 15, _EXPONENTIAL),
        Least(21, NONE, _BETA),
        Least(1, 13, _TRAILING),
        Least(7, 5, _LEADING),
        Least(8, 14),
    ),
    "KDPM2Discrete": (
        Least(4, 14, _KARRAS),
        Least(4, 8, _EXPONENTIAL),
        Least(14, NONE, _BETA),
        Least(1, 1, _TRAILING),
        Least(5, 4, _LEADING),
        Least(6, 5),
    ),
    "PNDM": (
        Least(1, 23, _TRAILING | _SKIP),
        Least(3, 3, _SKIP),
        Least(1, NONE, _TRAILING),
        Least(1, NONE, _LINSPACE),
    ),
    "SASolver": (
        Least(10, 41, _KARRAS),
        Least(7, 17, _EXPONENTIAL),
        Least(40, NONE, _BETA),
    ),
    "UniPCMultistep": (
        Least(1, 23, _KARRAS | _THIRD),
        Least(1, 5, _KARRAS),
        Least(1, 7, _EXPONENTIAL | _THIRD),
        Least(1, 5, _EXPONENTIAL),
    ),
}

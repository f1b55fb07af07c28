"""The schedulers: a row for every class that diffusers exports, right or refused with the reason."""

from __future__ import annotations

from functools import cache

from harness.catalog.diffusers_table import table
from harness.catalog.types import SchedulerRow

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

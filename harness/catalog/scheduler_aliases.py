"""What user interfaces call the schedulers, and how a spec spells the same: for hints, for a spec has diffusers' names.

Source: the tables A1111/k-diffusion ↔ diffusers of diffusers' page "Schedulers"
(docs/source/en/api/schedulers/overview.md), and the names of ComfyUI, InvokeAI and Replicate, which are the same ones
written otherwise (`dpmpp_2m`, `euler_k`, `K_EULER`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.catalog.schedulers import scheduler_row


class Alias(NamedTuple):
    """How a spec spells it: a class and its overrides; ``remark``: where that is not quite the same."""

    name: str
    config: Mapping[str, Any] = {}
    remark: str = ""

    @property
    def spelling(self) -> str:
        """As it stands after ``scheduler:`` in a spec."""
        return spelled(self.name, self.config)


_NO_NOISE = "DPMSolverSinglestep is the most like it, without the noise of its steps"
_SDE = {"algorithm_type": "sde-dpmsolver++"}

ALIASES: dict[str, Alias] = {
    "Euler": Alias("EulerDiscrete"),
    "Euler a": Alias("EulerAncestralDiscrete"),
    "Euler Ancestral": Alias("EulerAncestralDiscrete"),
    "Heun": Alias("HeunDiscrete"),
    "LMS": Alias("LMSDiscrete"),
    "PLMS": Alias("PNDM", {"skip_prk_steps": True}),
    "DPM2": Alias("KDPM2Discrete"),
    "DPM2 a": Alias("KDPM2AncestralDiscrete"),
    "DPM2 Ancestral": Alias("KDPM2AncestralDiscrete"),
    "DPM": Alias("DPMSolverMultistep"),
    "DPM Solver": Alias("DPMSolverMultistep"),
    "DPM++": Alias("DPMSolverMultistep"),
    "DPM++ 2M": Alias("DPMSolverMultistep"),
    "DPM++ 2M SDE": Alias("DPMSolverMultistep", _SDE),
    "DPM++ 3M": Alias("DPMSolverMultistep", {"solver_order": 3}),
    "DPM++ 2S": Alias("DPMSolverSinglestep"),
    "DPM++ 2S a": Alias("DPMSolverSinglestep", remark=_NO_NOISE),
    "DPM++ 2S Ancestral": Alias("DPMSolverSinglestep", remark=_NO_NOISE),
    # diffusers' table has DPMSolverSinglestep here, which draws no noise; this one is k-diffusion's sample_dpmpp_sde
    "DPM++ SDE": Alias("DPMSolverSDE"),
    "UniPC": Alias("UniPCMultistep"),
    "UniPC bh2": Alias("UniPCMultistep"),
    "DEIS": Alias("DEISMultistep"),
    "DDIM": Alias("DDIM"),
    "DDPM": Alias("DDPM"),
    "PNDM": Alias("PNDM"),
    "SA Solver": Alias("SASolver"),
}
#: What may follow such a name: the schedule type, as the overrides that make it.
SCHEDULE_TYPES: dict[str, dict[str, Any]] = {
    "Karras": {"use_karras_sigmas": True},
    "k": {"use_karras_sigmas": True},
    "exponential": {"timestep_spacing": "linspace", "use_exponential_sigmas": True},
    "beta": {"timestep_spacing": "linspace", "use_beta_sigmas": True},
    "sgm_uniform": {"timestep_spacing": "trailing"},
    "simple": {"timestep_spacing": "trailing"},
}
#: For a class that takes no ``eta``: what draws noise in its place.
NOISY: dict[str, Alias] = {
    "EulerDiscrete": Alias("EulerAncestralDiscrete"),
    "KDPM2Discrete": Alias("KDPM2AncestralDiscrete"),
    "DPMSolverMultistep": Alias("DPMSolverMultistep", _SDE),
}


def plain(typed: str) -> str:
    """A name without case, blanks, marks and the word "scheduler": ``DPM++ 2M`` and ``dpmpp_2m`` are one."""
    words = typed.lower().replace("++", "pp")
    return "".join(sign for sign in words if sign.isalnum()).removesuffix("scheduler").replace("dpmsolverpp", "dpmpp")


def alias_of(typed: str) -> Alias | None:
    """What a user interface's name stands for; ``None`` if it is none."""
    name = plain(typed)
    for shorter in (name, name.removeprefix("k")):  # Replicate's K_EULER
        if (found := _known().get(shorter)) is not None:
            return found
    return None


def alias_names() -> dict[str, Alias]:
    """Every alias, as ``plain`` has its name."""
    return dict(_known())


def _known() -> dict[str, Alias]:
    both = {plain(name): alias for name, alias in ALIASES.items()}
    typed = {plain(name + word): _with(alias, more)
             for name, alias in ALIASES.items() for word, more in SCHEDULE_TYPES.items()}  # fmt: skip
    return {**typed, **both}


def _with(alias: Alias, more: Mapping[str, Any]) -> Alias:
    """With a schedule type, as far as the class has one."""
    takes = scheduler_row(alias.name).parameters
    if any(key not in takes for key in more):
        lacking = next(key for key in more if key not in takes)
        return alias._replace(remark=alias.remark or f"{alias.name} takes no {lacking}")
    return alias._replace(config={**alias.config, **more})


def spelled(name: str, config: Mapping[str, Any]) -> str:
    """``{DPMSolverMultistep: {use_karras_sigmas: true}}``; the name alone without overrides."""
    inside = ", ".join(f"{key}: {_word(value)}" for key, value in config.items())
    return f"{{{name}: {{{inside}}}}}" if inside else name


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

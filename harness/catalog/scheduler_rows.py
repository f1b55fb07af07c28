"""What is known of diffusers' schedulers under Kandinsky, class by class; ``harness schedulers check`` proves it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from harness.catalog.types import SchedulerVariant

Adapter = Literal["none", "calls", "sigma", "edm"]
BARE: Adapter = "none"


class Right(NamedTuple):
    """Of a class that is right, bare or in the adapter."""

    adapter: Adapter
    order: int | None  # None: stochastic
    calls: Literal["one", "two", "pndm"] = "one"
    step: tuple[str, ...] = ()
    needs: str | None = None


RIGHT: dict[str, Right] = {
    "DDIM": Right("none", 1, step=("eta",)),
    "DDIMParallel": Right("none", 1, step=("eta",)),
    "DDPM": Right("none", None),
    "DDPMParallel": Right("none", None),
    "DEISMultistep": Right("calls", 2),
    "DPMSolverMultistep": Right("none", 2),
    "DPMSolverSDE": Right("sigma", None, "two", needs="torchsde"),
    "DPMSolverSinglestep": Right("none", 2),
    "EDMDPMSolverMultistep": Right("edm", 2),
    "EDMEuler": Right("edm", 1),
    "EulerAncestralDiscrete": Right("sigma", None),
    "EulerDiscrete": Right("sigma", 1),
    "HeunDiscrete": Right("sigma", 2, "two"),
    "KDPM2AncestralDiscrete": Right("sigma", None, "two"),
    "KDPM2Discrete": Right("sigma", 2, "two"),
    "LMSDiscrete": Right("sigma", 4),
    "PNDM": Right("calls", 2, "pndm"),
    "SASolver": Right("none", None),
    "UniPCMultistep": Right("calls", 3),  # solver_order 2, and one more by its corrector
}

_FLOW = "made for flow matching: its networks predict a velocity along a straight line, Kandinsky's UNet the noise"
_TOKENS = "it draws discrete tokens, not latents"
_INVERSE = "it walks the other way, from a picture to its noise"
_SHIFTED = "it shifts the noise schedule (snr_shift_scale) away from the one that Kandinsky was trained on"
_OWN_LOOP = "it needs a loop of its own, which predicts and corrects in each step"

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("FlowMapEulerDiscrete", "FlowMatchEulerDiscrete", "FlowMatchHeunDiscrete", "FlowMatchLCM", "Helios",
         "HeliosDMD", "LTXEulerAncestralRF", "MiniMaxH3", "Piflow", "SCM"), _FLOW),
    **dict.fromkeys(("Amused", "BlockRefinement", "DiscreteDDIM", "EntropyBound", "VQDiffusion"), _TOKENS),
    **dict.fromkeys(("DDIMInverse", "DPMSolverMultistepInverse"), _INVERSE),
    **dict.fromkeys(("CogVideoXDDIM", "CogVideoXDPM"), _SHIFTED),
    **dict.fromkeys(("KarrasVe", "ScoreSdeVe"), _OWN_LOOP),
    "CMStochasticIterative": "made for consistency models, whose networks predict the picture itself",
    "CosineDPMSolverMultistep": "made for Stable Audio: its cosine noise schedule is not Kandinsky's",
    "DDPMWuerstchen": "made for Würstchen: its timesteps are ratios, its noise schedule is not Kandinsky's",
    "IPNDM": "it has a noise schedule of its own, whatever the model's: its error stays, however many steps",
    "LCM": "suits models distilled for it only: elsewhere 30 % of its pictures' variety is lost, however many steps",
    "RFD4Proteina": "made for proteins: it moves atoms, not latents",
    "RePaint": "it wants the source and its mask in every step, and no Kandinsky pipeline passes them",
    "TCD": "suits models distilled for it only: elsewhere 6 % of its pictures' variety is lost, however many steps",
    "UnCLIP": "the prior's scheduler, not the decoder's",
}  # fmt: skip

#: Refused ones that may be forced, for a model that was distilled for them, and the keywords of their steps.
FORCIBLE: dict[str, tuple[str, ...]] = {"LCM": (), "TCD": ("eta",)}

#: Their ``step`` reads the UNet's variance half. For every other class ``variance_type`` in the base configuration must
#: go: diffusers keeps it as a hidden entry, and the pipeline then hands eight channels to a scheduler that wants four.
READS_VARIANCE = ("DDPMScheduler", "DDPMParallelScheduler")


def _variants(name: str, *configs: dict[str, Any]) -> list[SchedulerVariant]:
    return [SchedulerVariant(name=name), *(SchedulerVariant(name=name, config=config) for config in configs)]


_KARRAS: dict[str, Any] = {"use_karras_sigmas": True}
_EXPONENTIAL: dict[str, Any] = {"use_exponential_sigmas": True}
_BETA: dict[str, Any] = {"use_beta_sigmas": True}
_LEADING, _LINSPACE, _TRAILING = ({"timestep_spacing": word} for word in ("leading", "linspace", "trailing"))
_TO_SIGMA_MIN = {"final_sigmas_type": "sigma_min"}

VARIANTS: tuple[SchedulerVariant, ...] = (
    *_variants("DDIM", _LINSPACE, _TRAILING),
    SchedulerVariant(name="DDIM", step={"eta": 0.5}),
    SchedulerVariant(name="DDIM", step={"eta": 1.0}),
    *_variants("DDIMParallel"),
    *_variants("DDPM", {"variance_type": "fixed_large"}, {"variance_type": "learned_range"}, _TRAILING),
    *_variants("DDPMParallel"),
    *_variants("DEISMultistep", {"solver_order": 3}, _KARRAS, _LEADING),
    *_variants(
        "DPMSolverMultistep", {"solver_order": 1}, {"solver_order": 3}, _KARRAS, _EXPONENTIAL, _BETA,
        {"use_lu_lambdas": True}, _LEADING, _TRAILING, {"solver_type": "heun"}, {"euler_at_final": True},
        {"algorithm_type": "dpmsolver", **_TO_SIGMA_MIN}, {"algorithm_type": "sde-dpmsolver++"},
        {"algorithm_type": "sde-dpmsolver", **_TO_SIGMA_MIN}, {"thresholding": True, "sample_max_value": 2.0},
    ),
    *_variants("DPMSolverSDE", _KARRAS, _LEADING),
    *_variants("DPMSolverSinglestep", {"solver_order": 3}, _KARRAS),
    *_variants("EDMDPMSolverMultistep", {"sigma_schedule": "exponential"}),
    *_variants("EDMEuler", {"sigma_schedule": "exponential"}),
    *_variants("EulerAncestralDiscrete", _LEADING, _TRAILING),
    *_variants("EulerDiscrete", _KARRAS, _EXPONENTIAL, _BETA, _LEADING, _TRAILING, _TO_SIGMA_MIN),
    *_variants("HeunDiscrete", _KARRAS, _EXPONENTIAL, _BETA, _LEADING, _TRAILING),
    *_variants("KDPM2AncestralDiscrete", _KARRAS, _LEADING),
    *_variants("KDPM2Discrete", _KARRAS, _LEADING),
    *_variants("LMSDiscrete", _KARRAS, _LEADING),
    *_variants("PNDM", {"skip_prk_steps": True}),
    *_variants("SASolver", _KARRAS, _LEADING),
    *_variants(
        "UniPCMultistep", {"solver_order": 3}, {"solver_type": "bh1", **_TO_SIGMA_MIN}, _KARRAS, _LEADING, _TRAILING
    ),
)  # fmt: skip

#: Those of them that converge more slowly than the proof's bar asks, on one version or on all: they may be run.
SLOW: tuple[SchedulerVariant, ...] = (
    *_variants("DDIM", _LINSPACE)[1:],
    *_variants("DPMSolverMultistep", {"solver_order": 1})[1:],
    *_variants("EulerDiscrete", _KARRAS, _EXPONENTIAL, _BETA, _TRAILING)[1:],
)

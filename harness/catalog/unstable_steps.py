"""Counts of steps at which a scheduler that is right otherwise goes wrong. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.catalog.least_steps import COSINE, LEAST, NONE
from harness.catalog.schedulers import SPACINGS, scheduler_row

_TRAIN = 1000
_SAME_STRIDE = ("DDIM", "DDIMParallel", "PNDM")
_WHOLE_STRIDE = (*_SAME_STRIDE, "DDPM", "DDPMParallel")  # the others interpolate
_ORIGINAL = ("LCM", "TCD")
_DRIFT, _FROM = 0.06, 30
_NEAREST = 2
_DIGITS = 250
_RUNGE_KUTTA = 4  # steps of PNDM's start
#: One of these spreads its steps so that a single one begins at the first timestep of all.
_BOTTOM = ("leading", "linspace")
#: They lay out one timestep more than they take, so that a single one begins high.
_ONE_MORE = ("DEISMultistep", "DPMSolverMultistep", "DPMSolverSinglestep", "SASolver", "UniPCMultistep")
#: class → counts by spacing at which two of its places are the same, and it divides by their difference
_TIES: dict[str, dict[str, tuple[int, ...]]] = {
    "DEISMultistep": {"leading": (999, 1000), "linspace": (1000,), "trailing": (998,)},
    "DPMSolverMultistep": {"leading": (999, 1000), "linspace": (1000,)},
    "SASolver": {"leading": (999, 1000), "linspace": (1000,), "trailing": (998,)},
    "UniPCMultistep": {"leading": (999, 1000), "linspace": (1000,), "trailing": (998,)},
}


def unstable(name: str, config: Mapping[str, Any], steps: int, taken: int | None = None) -> str | None:
    """Why a scheduler is wrong at this ``num_inference_steps``, with the nearest counts that are good, or ``None``.

    Args:
        name: the class, with or without the suffix.
        config: its configuration: the model's own keys (``beta_schedule`` among them) and the overrides.
        steps: ``num_inference_steps``.
        taken: how many of them a start in the middle leaves; ``None`` for a task without one.
    """
    share = None if taken is None else taken / steps
    reason = _reason(name, config, steps, taken)
    if reason is None:
        return None
    nearest = sorted(range(1, _TRAIN + 1), key=lambda n: (abs(n - steps), n))
    good = (n for n in nearest if _reason(name, config, n, None if share is None else round(n * share)) is None)
    words = " or ".join(str(n) for n in sorted(n for n, _ in zip(good, range(_NEAREST), strict=False)))
    return f"{reason}: take {words} steps" if words else reason


def _reason(name: str, config: Mapping[str, Any], steps: int, taken: int | None) -> str | None:
    row = scheduler_row(name)
    known = {**row.parameters, **config}
    return next(_reasons(row.name, known, steps, taken), None)


def _reasons(name: str, known: Mapping[str, Any], steps: int, taken: int | None) -> Iterator[str]:
    spacing = str(known.get("timestep_spacing"))
    if name in _SAME_STRIDE:
        yield from _stride(spacing, steps)
    if name in _WHOLE_STRIDE and spacing == "leading":
        yield from _offset(int(known.get("steps_offset", 0)), steps)
    yield from _ends(name, known, steps, spacing, taken)
    if name == "PNDM" and taken is None and not known.get("skip_prk_steps") and steps < _RUNGE_KUTTA:
        yield f"its Runge-Kutta start takes {_RUNGE_KUTTA} at least (skip_prk_steps: true needs none)"
    original = known.get("original_inference_steps")
    if name in _ORIGINAL and original is not None and steps > original:
        yield f"it takes no more steps than its original_inference_steps, which are {original}"
    yield from _overshoots(name, known, steps, whole=taken is None or taken >= steps)


def _stride(spacing: str, steps: int) -> Iterator[str]:
    """A step back is always ``1000 // steps`` timesteps, which only leading spacing's places are apart."""
    if spacing not in ("trailing", "linspace") or not _FROM <= steps <= _TRAIN:
        return
    gap = _TRAIN / steps if spacing == "trailing" else (_TRAIN - 1) / (steps - 1)
    if abs(gap - _TRAIN // steps) * steps / _TRAIN > _DRIFT:
        stride = f"{_TRAIN // steps}"
        yield f"it steps back by {stride} timesteps where its schedule's are {gap:.2f} apart ({spacing} spacing)"


def _offset(offset: int, steps: int) -> Iterator[str]:
    first = (steps - 1) * (_TRAIN // max(steps, 1)) + offset
    if first >= _TRAIN:
        yield f"it begins at timestep {first}, which the noise schedule does not have (leading spacing)"


def _ends(name: str, known: Mapping[str, Any], steps: int, spacing: str, taken: int | None) -> Iterator[str]:
    spread = any(known.get(key) for key in SPACINGS)
    low = spacing in _BOTTOM and name not in _ONE_MORE
    exponential = name.startswith("EDM") and known.get("sigma_schedule") == "exponential"
    if steps == 1 and taken is None and (low or exponential or (name == "DEISMultistep" and spread)):
        yield "its one step begins where there is hardly any noise, and the picture stays noise"
    if name == "DEISMultistep" and known.get("solver_order") == 3 and steps > _DIGITS:
        yield f"with more than {_DIGITS} steps its coefficients of third order lose their digits in single precision"
    if not spread and steps in _TIES.get(name, {}).get(spacing, ()):
        yield "two of its places in the noise schedule are the same, and it divides by their difference"


def _overshoots(name: str, known: Mapping[str, Any], steps: int, *, whole: bool) -> Iterator[str]:
    """A start in the middle escapes only where even timesteps have left the cosine schedule's highest sigmas out."""
    found = next((one for one in LEAST.get(name, ()) if one.suits(known)), None)
    cosine, spread = known.get("beta_schedule") == COSINE, any(known.get(key) for key in SPACINGS)
    if found is None or (cosine and not spread and not whole):
        return
    least, where = (found.cosine, "cosine") if cosine else (found.linear, "linear")
    if least == NONE:
        yield f"it overshoots on a {where} noise schedule, and the picture is noise"
    elif steps < least:
        yield f"with fewer than {least} steps it overshoots on a {where} noise schedule, and the picture is noise"

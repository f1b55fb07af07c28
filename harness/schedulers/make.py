"""A scheduler from a model's configuration and a choice: bare where it is right as it is, in the adapter elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch

from harness.catalog.scheduler_rows import BARE, READS_VARIANCE
from harness.catalog.schedulers import adapter_of, scheduler_row
from harness.errors import UsageError
from harness.schedulers.adapter import KandinskyScheduler


@dataclass(frozen=True)
class Recipe:
    """All that makes a scheduler: what ``show --code`` prints and a cell's record keeps.

    ``config``: overrides, the adapter's own among them. ``adapter``: its keywords; ``None`` for a bare scheduler.
    """

    class_name: str
    config: dict[str, Any]
    adapter: dict[str, Any] | None = None
    variance_type_removed: bool = False
    added: dict[str, Any] = field(default_factory=dict)  # the part of ``config`` that no spec asked for


def recipe_for(
    class_name: str,
    base: dict[str, Any],
    overrides: dict[str, Any],
    step: dict[str, Any],
    *,
    alphas_cumprod: torch.Tensor,
    strength: float | None = None,
) -> Recipe:
    """What to do, before anything is made.

    Args:
        class_name: diffusers' name.
        base: the configuration to start from.
        overrides: the spec's.
        step: arguments for each step, such as ``eta``.
        alphas_cumprod: (train timesteps,), of the model's noise schedule.
        strength: of an image-to-image pipeline.
    """
    how = adapter_of(class_name, {**base, **overrides}, step)
    added = _noise_range(class_name, alphas_cumprod, overrides) if how == "edm" else {}
    keywords = {**({"strength": strength} if strength is not None else {}), **step}
    return Recipe(
        class_name=class_name,
        config={**overrides, **added},
        adapter=None if how == BARE else keywords,
        variance_type_removed=class_name not in READS_VARIANCE and "variance_type" in base,
        added=added,
    )


def make_scheduler(recipe: Recipe, base: dict[str, Any], alphas_cumprod: torch.Tensor) -> Any:
    """The scheduler itself.

    Raises:
        UsageError: the class refuses its configuration, or does not take an override.
    """
    cls = getattr(diffusers, recipe.class_name)
    start = {k: v for k, v in base.items() if not (recipe.variance_type_removed and k == "variance_type")}
    try:
        inner = cls.from_config(start, **recipe.config)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{cls.__name__} refuses its configuration: {error}") from error
    _require_applied(inner, recipe.config)
    if recipe.adapter is None:
        return inner
    levels: dict[str, Any] = (
        {"alphas_cumprod": alphas_cumprod} if scheduler_row(recipe.class_name).adapter == "edm" else {}
    )
    return KandinskyScheduler(inner, **levels, **recipe.adapter)


def _noise_range(class_name: str, alphas_cumprod: torch.Tensor, overrides: dict[str, Any]) -> dict[str, Any]:
    """EDM's own range of sigma is that of its networks: what of it the model has seen too."""
    sigmas, own = ((1 - alphas_cumprod) / alphas_cumprod).sqrt(), scheduler_row(class_name).parameters
    known = {
        "sigma_min": max(float(sigmas[0]), own["sigma_min"]),
        "sigma_max": min(float(sigmas[-1]), own["sigma_max"]),
    }
    return {name: value for name, value in known.items() if name not in overrides}


def _require_applied(scheduler: Any, config: dict[str, Any]) -> None:
    """``from_config`` drops what a class does not take: a requested override must be found again."""
    taken = scheduler._get_init_keys(type(scheduler))
    for name, value in config.items():
        if name not in taken or scheduler.config.get(name) != value:
            raise UsageError(
                f"{type(scheduler).__name__} does not take {name}={value!r}.",
                expected=f"one of {', '.join(sorted(taken - {'self'}))}",
            )

"""The decoder's scheduler: the model's own configuration, the class that a cell names, and its overrides."""

from __future__ import annotations

import math
from typing import Any

import diffusers
from diffusers import SchedulerMixin

from harness.catalog.schedulers import schedulers
from harness.errors import MissingError, UsageError
from harness.pipelines.load import Loaded
from harness.pipelines.places import DDPM_FOLDER
from harness.plan.types import SchedulerChoice

# Their ``step`` reads the UNet's variance half. For every other class ``variance_type`` in the base configuration must
# go: diffusers keeps it as a hidden entry, and the pipeline then hands eight channels to a scheduler that wants four.
READS_VARIANCE = ("DDPMScheduler", "DDPMParallelScheduler")
_LEARNED = ("learned", "learned_range")


def build_scheduler(loaded: Loaded, choice: SchedulerChoice) -> tuple[Any, dict[str, Any]]:
    """A fresh scheduler for the decoder, and what it is: for a cell's record.

    Returns:
        The scheduler, and ``{"class_name", "config", "base", "variance", "variance_type_removed"}``: ``base`` is the
        subfolder whose configuration was the start, ``variance`` whether the UNet's variance half is ``used``,
        ``dropped`` or ``absent``, the last whether ``variance_type`` had to go from the base.

    Raises:
        UsageError: the class does not exist, or does not take an override.
        MissingError: the named subfolder has no scheduler configuration.
    """
    own = loaded.own_scheduler
    cls = type(own) if choice.class_name is None else _scheduler_class(choice.class_name)
    subfolder, base = _base(loaded, choice, cls)
    removed = cls.__name__ not in READS_VARIANCE and "variance_type" in base
    if removed:
        base = {name: value for name, value in base.items() if name != "variance_type"}
    try:
        scheduler = cls.from_config(base, **choice.config)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{cls.__name__} refuses its configuration: {error}") from error
    _require_applied(scheduler, choice)
    known = describe(scheduler, base=subfolder, learned=_has_variance(loaded))
    return scheduler, {**known, "variance_type_removed": removed}


def describe(scheduler: Any, *, base: str, learned: bool) -> dict[str, Any]:
    """A scheduler as JSON: its class, its whole configuration, and how it reads the UNet's output."""
    config = {name: _plain(value) for name, value in dict(scheduler.config).items() if not name.startswith("_")}
    reads = scheduler.config.get("variance_type") in _LEARNED
    variance = "absent" if not learned else "used" if reads else "dropped"
    return {"class_name": type(scheduler).__name__, "config": config, "base": base, "variance": variance}


def describe_own(loaded: Loaded) -> dict[str, Any]:
    """The scheduler that the decoder's folder names."""
    return describe(loaded.own_scheduler, base="scheduler", learned=_has_variance(loaded))


def _scheduler_class(name: str) -> Any:
    cls = getattr(diffusers, name, None)
    if not (isinstance(cls, type) and issubclass(cls, SchedulerMixin)):
        right = [row.class_name for row in schedulers().values() if row.verdict == "right"]
        raise UsageError(
            f"diffusers {diffusers.__version__} has no scheduler {name}.",
            expected=f"one of {', '.join(right)}",
            do="check the spec with `harness plan`: it tells which of the others are refused, and why",
        )
    return cls


def _base(loaded: Loaded, choice: SchedulerChoice, cls: Any) -> tuple[str, dict[str, Any]]:
    """The subfolder whose configuration is the start, and that configuration.

    DDPM without a subfolder takes the folder's ``ddpm_scheduler``, as the guide does, if the UNet has a variance half
    that the decoder's own configuration says nothing of.
    """
    own = dict(loaded.own_scheduler.config)
    if choice.subfolder is not None:
        return choice.subfolder, _from_subfolder(loaded, cls, choice.subfolder)
    silent = cls.__name__ in READS_VARIANCE and own.get("variance_type") is None and _has_variance(loaded)
    if silent and "variance_type" not in choice.config and (loaded.decoder_folder / DDPM_FOLDER).is_dir():
        return DDPM_FOLDER, _from_subfolder(loaded, cls, DDPM_FOLDER)
    return "scheduler", own


def _from_subfolder(loaded: Loaded, cls: Any, subfolder: str) -> dict[str, Any]:
    place = loaded.model.parts[loaded.part]
    source, options = (
        (place.where, {"revision": place.revision}) if place.kind == "hub" else (loaded.decoder_folder, {})
    )
    try:
        return dict(cls.load_config(source, subfolder=subfolder, **options))
    except OSError as error:
        raise MissingError(
            f"{place.where} has no scheduler configuration in {subfolder}.",
            expected=f"{subfolder}/scheduler_config.json",
            do="leave the subfolder out of the spec to start from the model's own scheduler",
        ) from error


def _require_applied(scheduler: Any, choice: SchedulerChoice) -> None:
    """``from_config`` drops what a class does not take: a requested override must be found again."""
    taken = scheduler._get_init_keys(type(scheduler))
    for name, value in choice.config.items():
        if name not in taken or scheduler.config.get(name) != value:
            raise UsageError(
                f"{type(scheduler).__name__} does not take {name}={value!r}.",
                expected=f"one of {', '.join(sorted(taken - {'self'}))}",
            )


def _has_variance(loaded: Loaded) -> bool:
    """Twice the latent's channels come out. What goes in tells nothing: inpainting adds a picture and a mask to it."""
    out = loaded.decoder.unet.config.get("out_channels")  # 3's configuration has none: it has no variance
    return bool(out == 2 * loaded.decoder.movq.config.latent_channels)


def _plain(value: Any) -> Any:
    """JSON has no infinities: DPM-Solver's ``lambda_min_clipped`` is minus infinity by default."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value

"""The decoder's scheduler: the model's own configuration, the class that a cell names, and its overrides."""

from __future__ import annotations

import math
from typing import Any

import diffusers
from diffusers import SchedulerMixin

from harness.catalog.own_schedulers import starts_from
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.errors import MissingError, UsageError
from harness.pipelines.load import Loaded
from harness.plan.types import SchedulerChoice
from harness.schedulers.make import make_scheduler, recipe_for

_LEARNED = ("learned", "learned_range")


def build_scheduler(
    loaded: Loaded, choice: SchedulerChoice, *, strength: float | None = None
) -> tuple[Any, dict[str, Any]]:
    """A fresh scheduler for the decoder, and what it is: for a cell's record.

    Args:
        loaded: the pipelines.
        choice: a cell's.
        strength: of an image-to-image task, which starts in the middle of the schedule.

    Returns:
        The scheduler, and ``{"class_name", "config", "base", "variance", "variance_type_removed", "adapter", …}``:
        ``base`` is the subfolder whose configuration was the start, ``variance`` whether the UNet's variance half is
        ``used``, ``dropped`` or ``absent``, ``variance_type_removed`` whether that key had to go from the base,
        ``adapter`` the keywords of the adapter (``None``: the scheduler is bare), ``added`` what it needs of the
        model's noise schedule, ``dropped`` the keys of the base that the class does not take.

    Raises:
        UsageError: the class does not exist, is not right under Kandinsky, or does not take an override.
        MissingError: the named subfolder has no scheduler configuration.
    """
    loaded.turn_to(loaded.part)  # its UNet says how its output is read
    own = loaded.own_scheduler
    cls = type(own) if choice.class_name is None else _scheduler_class(choice.class_name)
    _require_right(cls.__name__, choice)
    subfolder, base = _base(loaded, choice, cls)
    recipe = recipe_for(
        cls.__name__,
        base,
        choice.config,
        choice.step,
        alphas_cumprod=own.alphas_cumprod,
        strength=strength,
    )
    scheduler = make_scheduler(recipe, base, own.alphas_cumprod)
    known = describe(getattr(scheduler, "inner", scheduler), base=subfolder, learned=_has_variance(loaded))
    return scheduler, {
        **known,
        "variance_type_removed": recipe.variance_type_removed,
        "adapter": recipe.adapter,
        "added": recipe.added,
        "dropped": _dropped(base, cls),
    }


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


def _dropped(base: dict[str, Any], cls: Any) -> list[str]:
    """Keys that say something and that the class does not know; diffusers keeps them as hidden entries."""
    taken = cls._get_init_keys(cls)
    return sorted(key for key, value in base.items() if key[0] != "_" and value is not None and key not in taken)


def _require_right(name: str, choice: SchedulerChoice) -> None:
    """The plan refuses what it knows; a model's own scheduler may be known only now."""
    row = schedulers().get(name.removesuffix(SUFFIX))
    if row is not None and (row.verdict == "right" or (row.forcible and choice.force)):
        return
    raise UsageError(
        f"{name} is not right under Kandinsky: {'nobody has proven it' if row is None else row.reason}.",
        expected="a scheduler that `harness schedulers` calls right",
        do="name one in the spec" if choice.class_name is None else "name another one",
    )


def _base(loaded: Loaded, choice: SchedulerChoice, cls: Any) -> tuple[str, dict[str, Any]]:
    """The subfolder whose configuration is the start, and that configuration."""
    own = dict(loaded.own_scheduler.config)
    if choice.subfolder is not None:
        return choice.subfolder, _from_subfolder(loaded, cls, choice.subfolder)
    folder = starts_from(cls.__name__, choice.config, own, learned=_has_variance(loaded))
    if folder != "scheduler" and (loaded.decoder_folder / folder).is_dir():
        return folder, _from_subfolder(loaded, cls, folder)
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


def _has_variance(loaded: Loaded) -> bool:
    """Twice the latent's channels come out. What goes in tells nothing: inpainting adds a picture and a mask to it."""
    out = loaded.decoder.unet.config.get("out_channels")  # 3's configuration has none: it has no variance
    return bool(out == 2 * loaded.decoder.movq.config.latent_channels)


def _plain(value: Any) -> Any:
    """JSON has no infinities: DPM-Solver's ``lambda_min_clipped`` is minus infinity by default."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value

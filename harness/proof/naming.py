"""What variants are called. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.types import SchedulerVariant
from harness.errors import UsageError
from harness.spec.reader import nearest


def named(variant: SchedulerVariant) -> str:
    """A variant in a word or two: ``EulerDiscrete (use_karras_sigmas)``."""
    words = [key if value is True else f"{key} {value}" for key, value in (variant.config | variant.step).items()]
    return f"{variant.name} ({', '.join(words)})" if words else variant.name


def known_names(names: Sequence[str]) -> list[str]:
    """Class names without the suffix.

    Raises:
        UsageError: the installed diffusers has no such scheduler.
    """
    found = [name.removesuffix(SUFFIX) for name in names]
    for name in found:
        if name not in schedulers():
            near = nearest(name, schedulers())
            raise UsageError(
                f"diffusers has no scheduler {name}{SUFFIX}.",
                expected="a name that `harness schedulers` lists",
                do=f"did you mean {near}?" if near else "",
            )
    return found

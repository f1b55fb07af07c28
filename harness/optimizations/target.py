"""What optimizations are applied to: the pipelines that run, and the networks in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch

from harness.errors import UsageError


class Target(Protocol):
    """A group's pipelines. ``decoder`` and ``prior`` are those that run: in a combined pipeline its inner ones."""

    @property
    def prior(self) -> Any: ...

    @property
    def decoder(self) -> Any: ...

    @property
    def combined(self) -> Any: ...

    @property
    def device(self) -> torch.device: ...


def pipelines(target: Target) -> list[Any]:
    """The pipelines that run, each once."""
    return [one for one in (target.prior, target.decoder) if one is not None]


def place_of(target: Target, part: str) -> tuple[Any, str]:
    """The pipeline that calls a network, and the name that it calls it by.

    Raises:
        UsageError: there is no such network.
    """
    holder = target.prior if part == "prior" else target.decoder
    if holder is None or getattr(holder, part, None) is None:
        raise UsageError(f"The loaded pipelines have no {part}.", expected="a part that the model has")
    return holder, part


def network(target: Target, part: str) -> Any:
    """The network that runs, as its pipeline holds it: compiled or not."""
    holder, name = place_of(target, part)
    return getattr(holder, name)


def plain(module: Any) -> torch.nn.Module:
    """The network itself, without what compiling puts around it."""
    found: torch.nn.Module = getattr(module, "_orig_mod", module)
    return found


def networks(target: Target) -> Iterator[tuple[str, torch.nn.Module]]:
    """Every network of the pipelines that run, by its pipeline's name for it."""
    for pipeline in pipelines(target):
        for name, component in pipeline.components.items():
            if isinstance(component, torch.nn.Module):
                yield name, plain(component)

"""What group offloading has on the device at once, from the order in which a network calls its layers.

Written after diffusers' ``hooks/group_offloading.py``; tests hold it against what those hooks really move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from harness.plan.footprint import group_key

_CONVOLUTIONS = tuple(getattr(nn, f"Conv{kind}{n}d") for kind in ("", "Transpose") for n in (1, 2, 3))
LAYERS = (nn.Linear, nn.Embedding, *_CONVOLUTIONS)  # what diffusers groups, and casts, one by one


class Event(NamedTuple):
    """A module's call begins, or ends."""

    module: int  # its identity
    begins: bool


@contextmanager
def order_of_calls(network: nn.Module) -> Iterator[list[Event]]:
    """The events of all modules of a network while the block lasts."""
    events: list[Event] = []
    hooks = []
    for module in network.modules():
        name = id(module)
        hooks.append(module.register_forward_pre_hook(lambda *_, name=name: events.append(Event(name, True))))
        hooks.append(module.register_forward_hook(lambda *_, name=name: events.append(Event(name, False))))
    try:
        yield events
    finally:
        for hook in hooks:
            hook.remove()


def group_bytes(network: nn.Module, calls: Sequence[Event]) -> dict[str, int]:
    """Of each kind of grouping, with a stream and without: bytes of weights on the device at most in a call."""
    kinds = {"leaf_level": _leaves(network), "block_level": _blocks(network)}
    return {
        group_key(kind, stream): _most(calls, sizes, ahead=stream)
        for kind, sizes in kinds.items()
        for stream in (False, True)
    }


def _most(calls: Sequence[Event], sizes: dict[int, int], *, ahead: bool) -> int:
    """A group is there from its leader's call to that call's end; with a stream (``ahead``) the next one is too."""
    ours = [event for event in calls if sizes.get(event.module)]
    following = iter([*[sizes[event.module] for event in ours if event.begins][1:], 0])
    there = most = 0
    for event in ours:
        there += sizes[event.module] if event.begins else -sizes[event.module]
        if event.begins:
            most = max(most, there + (next(following) if ahead else 0))
    return most


def _leaves(network: nn.Module) -> dict[int, int]:
    """Each layer is a group; what other modules have of their own is one, there as long as they are called."""
    return {id(module): _bytes(module, whole=isinstance(module, LAYERS)) for module in network.modules()}


def _blocks(network: nn.Module) -> dict[int, int]:
    """Each module of a list is a group; all the rest is one, there as long as the network is called."""
    named = set(getattr(network, "_group_offload_block_modules", None) or ())
    found: dict[int, int] = {}
    for name, child in network.named_children():
        if name in named:
            found |= _blocks(child)
        elif isinstance(child, nn.ModuleList | nn.Sequential):
            found |= {id(block): _bytes(block, whole=True) for block in child}
    return found | {id(network): _bytes(network, whole=True) - sum(found.values())}


def _bytes(module: nn.Module, *, whole: bool) -> int:
    tensors: Iterable[torch.Tensor] = (*module.parameters(recurse=whole), *module.buffers(recurse=whole))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

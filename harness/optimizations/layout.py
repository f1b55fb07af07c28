"""Channels-last. Proof: strides of the convolutions that are larger than 1×1, whose weights tell the two apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from harness.catalog.stacks import parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target, network, plain
from harness.optimizations.types import Before, Finding, Optimization, outcome_of


def _layouts(module: Any) -> dict[str, bool]:
    """Name -> whether a convolution's weight lies channels-last."""
    convolutions = {name: one for name, one in plain(module).named_modules() if isinstance(one, torch.nn.Conv2d)}
    return {
        name: one.weight.is_contiguous(memory_format=torch.channels_last)
        for name, one in convolutions.items()
        if max(one.kernel_size) > 1 and one.weight.shape[1] > 1
    }


def _apply(target: Target, choice: OptimizationChoice) -> Before:
    before = {part: _layouts(network(target, part)) for part in parts_of_choice(choice)}
    for part in before:
        plain(network(target, part)).to(memory_format=torch.channels_last)
    return before


def _verify(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    for part in parts_of_choice(choice):
        now = _layouts(network(target, part))
        right = [name for name, last in now.items() if last]
        changed = [name for name in right if not before.get(part, {}).get(name, True)]
        was = sum(before.get(part, {}).values())
        yield Finding(
            part=part,
            observed=f"{len(right)} of {len(now)} convolutions channels-last; before: {was}",
            proof="strides of the weights of convolutions larger than 1×1",
            outcome=outcome_of(len(changed), len(right), len(now)),
        )


LAYOUT = Optimization(_apply, _verify)

"""Weights stored small: 8-bit floats cast up layer by layer, or torchao's 8-bit integers. Proof: what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
from diffusers.hooks import HookRegistry
from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN

from harness.catalog.optimizations import NOT_CAST
from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.errors import UsageError
from harness.optimizations.counting import histogram
from harness.optimizations.target import Target, network, plain
from harness.optimizations.types import Before, Finding, Optimization, outcome_of

_HOOK = "layerwise_casting"
_CASTABLE = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.ConvTranspose2d)


def weight_bytes(module: Any) -> int:
    """What a network's parameters and buffers take as they are stored."""
    network = plain(module)
    return sum(_stored(one) for one in (*network.parameters(), *network.buffers()))


def _stored(tensor: torch.Tensor) -> int:
    """A quantized tensor is several plain ones inside."""
    inner = getattr(tensor, "__tensor_flatten__", None)
    if inner is None or type(tensor) in (torch.Tensor, torch.nn.Parameter):
        return tensor.numel() * tensor.element_size()
    return sum(_stored(getattr(tensor, name)) for name in inner()[0])


def _apply_casting(target: Target, choice: OptimizationChoice) -> Before:
    before: Before = {}
    for part in parts_of_choice(choice):
        module = plain(network(target, part))
        dtype = next(module.parameters()).dtype
        before[part] = {"bytes": weight_bytes(module), "casting": len(_cast(module))}
        storage = getattr(torch, str(option(choice, "storage")))
        skipped = (*DEFAULT_SKIP_MODULES_PATTERN, *NOT_CAST)
        module.enable_layerwise_casting(  # type: ignore[operator]
            storage_dtype=storage, compute_dtype=dtype, skip_modules_pattern=skipped
        )
    return before


def _cast(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers that cast their weights up when they are called."""
    registries = ((one, getattr(one, "_diffusers_hook", None)) for one in module.modules())
    return [one for one, found in registries if isinstance(found, HookRegistry) and found.get_hook(_HOOK) is not None]


def _castable(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The convolutions and linear layers that no pattern leaves out."""
    kept = (
        *DEFAULT_SKIP_MODULES_PATTERN,
        *NOT_CAST,
        *(getattr(module, "_skip_layerwise_casting_patterns", None) or ()),
    )
    return [
        one
        for name, one in module.named_modules()
        if isinstance(one, _CASTABLE) and not any(re.search(pattern, name) for pattern in kept)
    ]


def _verify_casting(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    storage = getattr(torch, str(option(choice, "storage")))
    for part in parts_of_choice(choice):
        module = plain(network(target, part))
        layers = _castable(module)
        hooked = set(_cast(module))
        right = [
            one for one in layers if one in hooked and all(p.dtype == storage for p in one.parameters(recurse=False))
        ]
        yield Finding(
            part=part,
            observed=f"{len(right)} of {len(layers)} layers are hooked and store {storage}; parameters: "
            f"{histogram(p.dtype for p in module.parameters())}; {_saved(before[part]['bytes'], module)}",
            proof="the hooks of the layers and the dtype of each parameter",
            outcome=outcome_of(len(right) - before[part]["casting"], len(right), len(layers)),
        )


def _saved(before: int, module: torch.nn.Module) -> str:
    return f"{before / 2**20:.1f} MiB of weights before, {weight_bytes(module) / 2**20:.1f} now"


def _apply_int8(target: Target, choice: OptimizationChoice) -> Before:
    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise UsageError(f"torchao cannot be used here: {error}", do="pip install torchao, or leave it out") from error
    before: Before = {}
    for part in parts_of_choice(choice):
        module = plain(network(target, part))
        before[part] = {"bytes": weight_bytes(module), "quantized": len(_quantized(module))}
        quantize_(module, Int8WeightOnlyConfig())
    return before


def _linears(module: torch.nn.Module) -> list[torch.nn.Linear]:
    return [one for one in module.modules() if isinstance(one, torch.nn.Linear)]


def _quantized(module: torch.nn.Module) -> list[torch.nn.Linear]:
    return [one for one in _linears(module) if type(one.weight.data).__module__.startswith("torchao")]


def _verify_int8(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    for part in parts_of_choice(choice):
        module = plain(network(target, part))
        right, linears = _quantized(module), _linears(module)
        yield Finding(
            part=part,
            observed=f"{len(right)} of {len(linears)} linear layers hold "
            f"{histogram(type(one.weight.data).__name__ for one in right)}; {_saved(before[part]['bytes'], module)}",
            proof="the class of each linear layer's weight",
            outcome=outcome_of(len(right) - before[part]["quantized"], len(right), len(linears)),
        )


CASTING = Optimization(_apply_casting, _verify_casting)
INT8 = Optimization(_apply_int8, _verify_int8)

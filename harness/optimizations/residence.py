"""Where weights are: offloading by hooks. Proof: each network's hook, and where its parameters are between calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from diffusers.hooks import HookRegistry

from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.optimizations.counting import histogram
from harness.optimizations.target import Target, network, networks, pipelines, plain
from harness.optimizations.types import Before, Finding, Optimization, outcome_of


def _apply_model(target: Target, _: OptimizationChoice) -> Before:
    for pipeline in pipelines(target):
        pipeline.enable_model_cpu_offload(device=target.device)
    return {}


def _apply_sequential(target: Target, _: OptimizationChoice) -> Before:
    for pipeline in pipelines(target):
        pipeline.enable_sequential_cpu_offload(device=target.device)
    return {}


def _apply_group(target: Target, choice: OptimizationChoice) -> Before:
    kind, stream = str(option(choice, "offload_type")), bool(option(choice, "use_stream"))
    grouped = parts_of_choice(choice)
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    for part in grouped:
        plain(network(target, part)).enable_group_offload(  # type: ignore[operator]
            onload_device=target.device,
            offload_device=torch.device("cpu"),
            offload_type=kind,
            use_stream=stream,
            **blocks,
        )
    for name, module in networks(target):  # the others stay on the device
        if name not in grouped:
            module.to(target.device)
    return {}


def _has_hook(module: torch.nn.Module) -> bool:
    """accelerate's hook on the network, or on each layer of it that has weights."""
    if hasattr(module, "_hf_hook"):
        return True
    layers = [one for one in module.modules() if list(one.parameters(recurse=False))]
    return bool(layers) and all(hasattr(one, "_hf_hook") for one in layers)


def _is_grouped(module: torch.nn.Module) -> bool:
    registries = [getattr(one, "_diffusers_hook", None) for one in module.modules()]
    return any(
        isinstance(found, HookRegistry) and any("group_offloading" in name for name in found.hooks)
        for found in registries
    )


def _found(target: Target, resting: str, hooked: Callable[[torch.nn.Module], bool], names: set[str]) -> Finding:
    """Every network of ``names`` (of all where there are none) must have a hook, and rest on ``resting``."""
    asked = [(name, one) for name, one in networks(target) if not names or name in names]
    right = [name for name, one in asked if hooked(one) and _rests(one) == {resting}]
    moved = 0 if target.device.type == resting else len(right)
    bare = [name for name, one in asked if not hooked(one)]
    places = histogram(f"{name} on {'/'.join(sorted(_rests(one)))}" for name, one in asked)
    return Finding(
        part="every network" if not names else "+".join(sorted(names)),
        observed=f"{len(right)} of {len(asked)} networks are hooked and rest on {resting}: {places}"
        + (f"; without a hook: {', '.join(bare)}" if bare else "")
        + ("" if target.device.type != resting else f"; they run there too ({target.device}): nothing moves"),
        proof="each network's hook, and the device of its parameters between calls",
        outcome=outcome_of(moved, len(right), len(asked)),
    )


def _rests(module: torch.nn.Module) -> set[str]:
    return {parameter.device.type for parameter in module.parameters()}


def _verify_model(target: Target, _: OptimizationChoice, __: Before) -> Iterator[Finding]:
    yield _found(target, "cpu", _has_hook, set())


def _verify_sequential(target: Target, _: OptimizationChoice, __: Before) -> Iterator[Finding]:
    yield _found(target, "meta", _has_hook, set())


def _verify_group(target: Target, choice: OptimizationChoice, __: Before) -> Iterator[Finding]:
    yield _found(target, "cpu", _is_grouped, set(parts_of_choice(choice)))


def _verify_release(target: Any, _: OptimizationChoice, __: Before) -> Iterator[Finding]:
    released = target.prior is None
    yield Finding(
        part="prior",
        observed=f"while the decoder runs, the prior is {'not loaded' if released else 'loaded'}; it was loaded "
        f"{target.loads.get('prior', 0)} times, the decoder {target.loads.get('decoder', 0)} times",
        proof="what the loaded group holds after the decoder's call",
        outcome="applied" if released else "failed",
    )


MODEL = Optimization(_apply_model, _verify_model)
SEQUENTIAL = Optimization(_apply_sequential, _verify_sequential)
GROUP = Optimization(_apply_group, _verify_group)
RELEASE = Optimization(lambda _, __: {}, _verify_release)

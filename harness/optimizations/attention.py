"""Attention: explicit SDPA, plain matrix products, xFormers, slices. Proof: the class of every processor that runs.

diffusers' default on torch >= 2 is SDPA already, so that asking for it changes nothing. ``set_attention_backend()`` is
no way to ask: it raises nothing and does nothing on Kandinsky's processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diffusers.models.attention_processor import (
    AttnAddedKVProcessor,
    AttnAddedKVProcessor2_0,
    AttnProcessor,
    AttnProcessor2_0,
    SlicedAttnAddedKVProcessor,
    SlicedAttnProcessor,
    XFormersAttnAddedKVProcessor,
    XFormersAttnProcessor,
)

from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.errors import UsageError
from harness.optimizations.counting import histogram
from harness.optimizations.target import Target, network, plain
from harness.optimizations.types import Before, Finding, Optimization, outcome_of

#: optimization -> processors of attention with added keys and values (Kandinsky 2's UNet), and of any other
PROCESSORS: dict[str, tuple[type[Any], type[Any]]] = {
    "sdpa": (AttnAddedKVProcessor2_0, AttnProcessor2_0),
    "plain-attention": (AttnAddedKVProcessor, AttnProcessor),
    "xformers": (XFormersAttnAddedKVProcessor, XFormersAttnProcessor),
    "attention-slicing": (SlicedAttnAddedKVProcessor, SlicedAttnProcessor),
}


def attentions(module: Any) -> dict[str, Any]:
    """Name -> each attention of a network that has a processor."""
    return {name: one for name, one in plain(module).named_modules() if hasattr(one, "set_processor")}


def wanted(choice: OptimizationChoice, attention: Any) -> type[Any]:
    """The processor's class that one attention is to have."""
    added, other = PROCESSORS[choice.name]
    return added if getattr(attention, "added_kv_proj_dim", None) is not None else other


def _apply(target: Target, choice: OptimizationChoice) -> Before:
    before: Before = {}
    for part in parts_of_choice(choice):
        found = attentions(network(target, part))
        before[part] = {name: type(one.processor).__name__ for name, one in found.items()}
        if choice.name == "attention-slicing":
            _slice(network(target, part), str(option(choice, "slice_size")))
        elif choice.name == "xformers":
            _use_xformers(network(target, part))
        else:
            for one in found.values():
                one.set_processor(wanted(choice, one)())
    return before


def _slice(module: Any, slice_size: str) -> None:
    """As ``set_attention_slice`` does; Kandinsky 3's UNet has no such method, its attentions have."""
    if hasattr(module, "set_attention_slice"):
        module.set_attention_slice(slice_size)
        return
    for one in attentions(module).values():
        heads = one.sliceable_head_dim
        one.set_attention_slice(1 if slice_size == "max" else max(heads // 2, 1))


def _use_xformers(module: Any) -> None:
    try:
        module.enable_xformers_memory_efficient_attention()
    except (ImportError, ModuleNotFoundError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UsageError(
            f"xFormers cannot be used here: {str(error).strip()[:200]}", do="leave xformers out"
        ) from error


def _verify(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    for part in parts_of_choice(choice):
        found = attentions(network(target, part))
        names = {name: type(one.processor).__name__ for name, one in found.items()}
        right = [name for name, one in found.items() if type(one.processor) is wanted(choice, one)]
        changed = [name for name in right if before.get(part, {}).get(name) != names[name]]
        was = histogram(before.get(part, {}).values())
        yield Finding(
            part=part,
            observed=f"{histogram(names.values())}; before: {was}",
            proof="the class of each attention's processor in the network that runs",
            outcome=outcome_of(len(changed), len(right), len(found)),
        )


ATTENTION = Optimization(_apply, _verify)

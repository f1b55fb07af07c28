"""What ran in a call, by a profiler's names: the last word on an attention and on compiled code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.stacks import parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.store.records import Evidence

#: convolutions, matrix products and attention that a compiled network left out of what was compiled
OUTSIDE = "operation outside compiled regions"
_FUSED, _SOFTMAX, _XFORMERS, _COMPILED = "scaled_dot_product", "softmax", "xformers", "compiled region"
#: what must have run in the UNet's call for an optimization to be there
_MUST = {"sdpa": _FUSED, "xformers": _XFORMERS, "plain-attention": _SOFTMAX, "attention-slicing": _SOFTMAX,
         "compile": _COMPILED}  # fmt: skip


def with_kernels(
    stack: Sequence[OptimizationChoice], evidence: Sequence[Evidence], kernels: Mapping[str, int]
) -> list[Evidence]:
    """The evidence with what ran; where a UNet's kernel should have and did not, it is a failure.

    Compiled code hides the kernels of its attention: then only that compiled code ran is looked at.
    """
    hidden = any(one.name == "compile" and "unet" in parts_of_choice(one) for one in stack)
    named = {one.label: one.name for one in stack}
    return [_with(one, named[one.requested], kernels, hidden) for one in evidence]


def _with(one: Evidence, name: str, kernels: Mapping[str, int], hidden: bool) -> Evidence:
    kind = _MUST.get(name)
    is_attention = OPTIMIZATIONS[name].kind == "attention"
    if kind is None or one.part != "unet" or one.outcome == "failed" or (is_attention and hidden):
        return one
    if name == "compile" and one.outcome == "no-op":
        return one
    ran, outside = kernels.get(kind, 0), kernels.get(OUTSIDE, 0) if name == "compile" else 0
    outcome = "failed" if not ran else "partly" if outside else one.outcome
    left = f", {outside} × {OUTSIDE}" if outside else ""
    told = f"{one.observed}; in one call of the network: {ran} × {kind}{left}"
    return one.model_copy(update={"observed": told, "outcome": outcome, "proof": f"{one.proof}; a profile of one call"})

"""A stack on a loaded target: applied in its order, and what each of it came to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.catalog.optimizations import OFFLOADS
from harness.catalog.types import OptimizationChoice
from harness.errors import UsageError
from harness.optimizations.again import AGAIN
from harness.optimizations.attention import ATTENTION
from harness.optimizations.compiling import COMPILE
from harness.optimizations.layout import LAYOUT
from harness.optimizations.precision import MATMUL_PRECISION, TF32
from harness.optimizations.residence import GROUP, MODEL, RELEASE, SEQUENTIAL
from harness.optimizations.storage import CASTING, INT8
from harness.optimizations.target import Target
from harness.optimizations.types import Before, Finding, Optimization, evidence_of
from harness.store.records import Evidence

#: one for each row of the catalog that is not refused (a test)
APPLIED: dict[str, Optimization] = {
    "again": AGAIN,
    "tf32": TF32,
    "matmul-precision": MATMUL_PRECISION,
    "layerwise-casting": CASTING,
    "int8-weights": INT8,
    "sdpa": ATTENTION,
    "plain-attention": ATTENTION,
    "xformers": ATTENTION,
    "attention-slicing": ATTENTION,
    "channels-last": LAYOUT,
    "release-prior": RELEASE,
    "model-offload": MODEL,
    "sequential-offload": SEQUENTIAL,
    "group-offload": GROUP,
    "compile": COMPILE,
}


@dataclass(frozen=True)
class Applied:
    """What was applied to a target, and what stood there before each of it."""

    steps: tuple[tuple[OptimizationChoice, Before], ...] = ()


_AT_FIRST = (
    torch.get_float32_matmul_precision(),
    torch.backends.cuda.matmul.allow_tf32,
    torch.backends.cudnn.allow_tf32,
)


def as_at_first() -> None:
    """Take back what an earlier stack has changed in this process: flags, and compiled code."""
    precision, matmul, cudnn = _AT_FIRST
    torch.set_float32_matmul_precision(precision)
    torch.backends.cuda.matmul.allow_tf32 = matmul
    torch.backends.cudnn.allow_tf32 = cudnn
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


def offloads(stack: Sequence[OptimizationChoice]) -> bool:
    """Whether hooks will bring the weights to the device: then they are loaded into the machine's memory."""
    return any(one.name in OFFLOADS for one in stack)


def apply_stack(target: Target, stack: Sequence[OptimizationChoice]) -> Applied:
    """Apply each of a stack, in its order.

    Raises:
        UsageError: an unknown name, a part that the pipelines do not have, or a package that cannot be used.
    """
    for choice in stack:
        if choice.name not in APPLIED:
            raise UsageError(f"No optimization is known by the name {choice.name!r}.", expected=", ".join(APPLIED))
    return Applied(tuple((choice, APPLIED[choice.name].apply(target, choice)) for choice in stack))


def verify_stack(target: Target, applied: Applied) -> list[Evidence]:
    """What each of it shows on the pipelines that ran; compiled networks and hooks show it after a call only."""
    return [one for choice, before in applied.steps for one in evidence_of(choice, _findings(target, choice, before))]


def _findings(target: Target, choice: OptimizationChoice, before: Before) -> list[Finding]:
    """A proof that itself breaks is a failed one: the pictures are there, and say nothing of the optimization."""
    try:
        return list(APPLIED[choice.name].verify(target, choice, before))
    except Exception as error:  # whatever it is: that is the finding
        told = f"the proof broke: {type(error).__name__}: {error}"[:300]
        return [Finding("process", told, "what the pipeline holds", "failed")]

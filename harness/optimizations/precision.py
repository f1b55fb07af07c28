"""Precision of float32 matrix products. Proof: the flags, and whether the bits of a product change with them."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.catalog.stacks import option
from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target, network, plain
from harness.optimizations.types import Before, Finding, Optimization

_SIDE = 256  # of the matrices that are multiplied: large enough for the fast kernels


def _product(device: torch.device) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(_SIDE, _SIDE, generator=generator).to(device) for _ in range(2))
    return left @ right


def _apply_tf32(target: Target, _: OptimizationChoice) -> Before:
    before = {"product": _product(target.device), "flag": torch.backends.cuda.matmul.allow_tf32}
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return before


def _verify_tf32(target: Target, _: OptimizationChoice, before: Before) -> Iterator[Finding]:
    flags = torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    yield _finding(target, before, f"allow_tf32 is {flags}", bool(flags))


def _apply_matmul(target: Target, choice: OptimizationChoice) -> Before:
    before = {"product": _product(target.device)}
    torch.set_float32_matmul_precision(str(option(choice, "precision")))
    return before


def _verify_matmul(target: Target, choice: OptimizationChoice, before: Before) -> Iterator[Finding]:
    found = torch.get_float32_matmul_precision()
    yield _finding(target, before, f"float32_matmul_precision is {found}", found == option(choice, "precision"))


def _finding(target: Target, before: Before, told: str, is_set: bool) -> Finding:
    """A flag that is set and changes no bit, or that no network of this dtype would see, does nothing."""
    changed = not torch.equal(_product(target.device), before["product"])
    dtype = next(plain(network(target, "unet")).parameters()).dtype
    seen = dtype == torch.float32
    words = f"{told}; a product of {_SIDE}×{_SIDE} matrices has {'other' if changed else 'the same'} bits"
    return Finding(
        part="process",
        observed=words if seen else f"{words}; the UNet computes in {dtype}, which it does not touch",
        proof="the flag, and one float32 matrix product before and after",
        outcome="failed" if not is_set else "applied" if changed and seen else "no-op",
    )


TF32 = Optimization(_apply_tf32, _verify_tf32)
MATMUL_PRECISION = Optimization(_apply_matmul, _verify_matmul)

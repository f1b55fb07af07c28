"""Floating-point operations, counted in closed form from the shapes of the operations that do the work.

A multiplication and an addition are two. What works element by element (norms, activations, softmax, sums) is left out,
as is the custom of the field: beside convolutions and products it is less than a hundredth.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

Shape = tuple[int, ...]


class Flops(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the work of all operations while the mode is on: ``total``, and ``by_operator`` (name → count)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.by_operator: dict[str, int] = {}

    @property
    def total(self) -> int:
        """Multiplications and additions of everything so far."""
        return sum(self.by_operator.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and add its work."""
        made = func(*args, **(kwargs or {}))
        count = count_of(func)
        if count is not None:
            name = func.overloadpacket.__name__
            self.by_operator[name] = self.by_operator.get(name, 0) + count(args, made)
        return made


Count = Callable[[Any, Any], int]


def count_of(func: Any) -> Count | None:
    """The closed form of an operator; ``None`` for those that are left out."""
    name = func.overloadpacket.__name__
    return _attention if name.startswith("_scaled_dot_product") and "backward" not in name else _COUNTS.get(name)


def product_flops(rows: int, inner: int, columns: int) -> int:
    """Of a matrix product (rows × inner) · (inner × columns)."""
    return 2 * rows * inner * columns


def convolution_flops(weight: Shape, positions: int) -> int:
    """Of a convolution: each of its weights works once at each position.

    Args:
        weight: (out channels, in channels of a group, *kernel), or of a transposed one (in, out of a group, *kernel).
        positions: batch × places of the picture that comes out, or of the one that goes into a transposed one.
    """
    return 2 * prod(weight) * positions


def attention_flops(query: Shape, key: Shape, value: Shape) -> int:
    """Of softmax(q·kᵀ)·v: (…, queries, d), (…, keys, d), (…, keys, dv); both products, in full under a mask as well."""
    *many, queries, width = query
    return prod(many) * (product_flops(queries, width, key[-2]) + product_flops(queries, key[-2], value[-1]))


def _convolution(args: Any, made: Any) -> int:
    picture, weight, transposed = args[0], args[1], args[6]
    seen = picture if transposed else made
    return convolution_flops(tuple(weight.shape), seen.shape[0] * prod(seen.shape[2:]))


def _mm(args: Any, made: Any) -> int:
    return product_flops(made.shape[0], args[0].shape[1], made.shape[1])


def _addmm(args: Any, made: Any) -> int:
    return product_flops(made.shape[0], args[1].shape[1], made.shape[1])


def _bmm(args: Any, made: Any) -> int:
    return int(made.shape[0]) * product_flops(made.shape[1], args[0].shape[2], made.shape[2])


def _baddbmm(args: Any, made: Any) -> int:
    return int(made.shape[0]) * product_flops(made.shape[1], args[1].shape[2], made.shape[2])


def _linear(args: Any, made: Any) -> int:
    return product_flops(prod(made.shape[:-1]), args[0].shape[-1], made.shape[-1])


def _mv(args: Any, made: Any) -> int:
    return product_flops(made.shape[0], args[0].shape[1], 1)


def _attention(args: Any, made: Any) -> int:
    del made
    query, key, value = (tuple(one.shape) for one in args[:3] if isinstance(one, torch.Tensor))
    return attention_flops(query, key, value)


_COUNTS: dict[str, Count] = {
    "convolution": _convolution, "_convolution": _convolution, "convolution_overrideable": _convolution,
    "mm": _mm, "addmm": _addmm, "bmm": _bmm, "baddbmm": _baddbmm, "linear": _linear, "mv": _mv,
}  # fmt: skip

"""A compiled network that compiles again in a timed call makes that timing one of the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from harness.errors import HarnessError

_MARK: Literal["fail_on_recompile"] = "fail_on_recompile"


@contextmanager
def none_recompiles() -> Iterator[None]:
    """While it lasts, code that was compiled must do.

    Raises:
        HarnessError: it did not: with dynamo's reason.
    """
    try:
        with torch.compiler.set_stance(_MARK):
            yield
    except RuntimeError as error:
        if _MARK not in str(error):
            raise
        raise HarnessError(
            f"A compiled network recompiled in a timed call: {_reason(error)}",
            expected="warm-up calls that have compiled all that a timed one runs",
            do="give it constant shapes (fixed size, batch and prompts' length), or compile with dynamic: true",
        ) from error


def _reason(error: RuntimeError) -> str:
    """The guard that failed, from the message or from the newest compilation that tells one."""
    from torch._dynamo.utils import get_compilation_metrics  # a second of import, which only compiling needs

    told = [one.recompile_reason for one in get_compilation_metrics() if one.recompile_reason]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    guards = [line for line in lines if line.startswith("- ")]
    return " ".join(guards or told[-1:] or lines[:1])[:300]

"""What a strength leaves of the steps. Imports no torch."""

from __future__ import annotations

from harness.errors import UsageError
from harness.plan.forecast import started


def require_steps(steps: int | None, strength: float | None, prefix: str = "") -> None:
    """Refuse a strength that leaves no step: the pipelines then return no picture at all, or noise without a word.

    Raises:
        UsageError: it leaves none, or is more than 1.
    """
    if steps is None or strength is None:
        return
    if not 0 < strength <= 1 or started(steps, strength) < 1:
        raise UsageError(
            f"{prefix}strength {strength:g} of {steps} {prefix}num_inference_steps leaves no step to take.",
            expected=f"at most 1, and {prefix}strength × {prefix}num_inference_steps of at least 1",
            do="raise one of the two",
        )

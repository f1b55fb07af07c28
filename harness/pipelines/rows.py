"""How a batch's rows go through the prior. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from harness.plan.types import InputRow


def prior_parts(rows: Sequence[InputRow]) -> list[list[int]]:
    """Positions of the rows without a negative prompt, and of those with one: the pipeline takes one kind at a time."""
    without = [i for i, row in enumerate(rows) if row.negative_prompt is None]
    having = [i for i, row in enumerate(rows) if row.negative_prompt is not None]
    return [part for part in (without, having) if part]

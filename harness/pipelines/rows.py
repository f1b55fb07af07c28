"""How a batch's rows go through the prior and the decoder. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalog.types import Task
from harness.plan.types import InputRow


def prior_parts(rows: Sequence[InputRow]) -> list[list[int]]:
    """Positions of the rows without a negative prompt, and of those with one: the pipeline takes one kind at a time."""
    without = [i for i, row in enumerate(rows) if row.negative_prompt is None]
    having = [i for i, row in enumerate(rows) if row.negative_prompt is not None]
    return [part for part in (without, having) if part]


def decoder_parts(task: Task, n: int) -> list[list[int]]:
    """Positions that go through the decoder together: all, but 2.2's inpainting takes one picture and mask a call."""
    return [[i] for i in range(n)] if task == "inpainting" else [list(range(n))]

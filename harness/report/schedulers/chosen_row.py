"""Whose pictures are shown: one input row for each model and task, by a rule that is printed with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.plan.types import InputRow
from harness.report.schedulers.paired import per_prompt
from harness.report.schedulers.sweep import Ground, Sweep
from harness.report.text import metric_words, number, plural
from harness.report.view import RunView


@dataclass(frozen=True)
class ChosenRow:
    """A row and the rule that it was chosen by."""

    row: InputRow
    rule: str


def choose_row(sweep: Sweep, grounds: Sequence[Ground]) -> ChosenRow | None:
    """The row for these grounds, which have the same inputs; ``None`` where they have none.

    The prompt whose paired difference from the reference, averaged over all compared cells, is the median one (of an
    even number the lower), with its first seed.
    """
    rows = _common_rows(sweep.view, grounds)
    if not rows:
        return None
    metric = sweep.main_metric(grounds[0])
    found = _by_prompt(sweep.view, grounds, metric)
    means = _means(found)
    order = [row.prompt_id for row in rows if row.prompt_id in means]
    if not order:
        return ChosenRow(rows[0], f"the first prompt of the plan, because nothing is compared yet (row {rows[0].id})")
    ranked = sorted(dict.fromkeys(order), key=lambda prompt: means[prompt])
    median = ranked[(len(ranked) - 1) // 2]
    row = next(row for row in rows if row.prompt_id == median)
    rule = (
        f"the prompt whose difference in {metric_words(metric)} from the reference, averaged over the "
        f"{plural(len(found), 'compared cell')}, is the median of {plural(len(ranked), 'prompt')} "
        f"({number(means[median], 2, sign=True)}), with its first seed: row {row.id}"
    )
    return ChosenRow(row, rule)


def _common_rows(view: RunView, grounds: Sequence[Ground]) -> list[InputRow]:
    """The rows that every cell of the grounds makes, in the plan's order."""
    each = [[row.id for row in view.rows_of(point.cell)] for ground in grounds for point in ground.points]
    shared = set.intersection(*map(set, each)) if each else set()
    return [row for row in view.plan.rows if row.id in shared]


def _by_prompt(view: RunView, grounds: Sequence[Ground], metric: str) -> list[dict[str, float]]:
    """Prompt → difference, for each compared cell that has any."""
    found = [
        per_prompt(view, point.cell, point.reference, metric)
        for ground in grounds
        for point in ground.compared
        if point.reference is not None and metric in point.differences
    ]
    return [differences for differences in found if differences]


def _means(found: list[dict[str, float]]) -> dict[str, float]:
    """Prompt → its mean difference over the cells, of prompts that all of them have."""
    shared = set.intersection(*map(set, found)) if found else set()
    return {prompt: float(np.mean([differences[prompt] for differences in found])) for prompt in shared}

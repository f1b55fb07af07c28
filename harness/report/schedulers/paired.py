"""The 95 % interval of a cell's paired difference from its reference, from the per-image rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.catalog.metrics import metric_row
from harness.report.text import plural
from harness.report.view import RunView
from harness.stats.bootstrap import studentize
from harness.stats.pairing import pair
from harness.stats.share import share_difference
from harness.stats.verdict import LEAST
from harness.store.records import CellRecord

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Cell minus reference in the metric's unit, the mean over ``n`` prompts.

    ``low`` and ``high`` are the ends of the 95 % interval, ``None`` together with a ``reason``; so is ``value`` where
    no prompt has a number in both.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None


def difference(view: RunView, cell: CellRecord, reference: CellRecord, metric: str) -> Difference:
    """The paired difference as the run's judge takes it (seeds averaged by prompt), with the interval that charts show.

    The judge's own interval is the 90 % one, which its one-sided tests at 5 % belong to.
    """
    differences = list(per_prompt(view, cell, reference, metric).values())
    return _of(np.array(differences, dtype=np.float64), share=metric_row(metric).unit == "share")


def per_prompt(view: RunView, cell: CellRecord, reference: CellRecord, metric: str) -> dict[str, float]:
    """Prompt → cell minus reference, seeds averaged."""
    mine, theirs = (_column(view, record, metric) for record in (cell, reference))
    prompts = {row_id: row["prompt_id"] for row_id, row in view.image_values(cell.cell_id).items()}
    pairs = pair(mine, theirs, prompts)
    return {str(p): float(d) for p, d in zip(pairs.clusters, pairs.cell - pairs.reference, strict=True)}


def _column(view: RunView, cell: CellRecord, metric: str) -> dict[str, float]:
    values = {row_id: row.get(metric) for row_id, row in view.image_values(cell.cell_id).items()}
    return {row_id: float(value) for row_id, value in values.items() if value is not None}


def _of(values: NDArray[np.float64], *, share: bool) -> Difference:
    n = len(values)
    if n == 0:
        return Difference(None, None, None, 0, "no prompt has a number in both cells")
    if n < LEAST["prompt"]:
        mean = float(values.mean())
        return Difference(mean, None, None, n, f"{plural(n, 'prompt')}: no interval below {LEAST['prompt']}")
    found = share_difference(values) if share else studentize(values, seed=0)
    low, high = found.interval(LEVEL)
    return Difference(found.mean, low, high, n)

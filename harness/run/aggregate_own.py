"""The metrics of plug-ins: their values, wherever they were computed, as a cell's number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.catalog.own_metrics import OwnMetric, own_metrics
from harness.run.aggregated import LEVEL, Gathered, Scored, by_picture, score_of
from harness.run.own_code import code_of
from harness.score.plugins import VALUES, values_of
from harness.stats.intervals import Estimate


def own_score(metric: str, gathered: Gathered) -> Scored:
    """A plug-in's metric of a cell.

    Raises:
        KeyError: no plug-in brings it.
        ValueError: it gave something else than a number a picture, or than one number.
    """
    own = own_metrics().found[metric]
    made_by = {"package": own.distribution, "package_version": own.version, "source_digest": code_of(own)}
    n, least = len(set(gathered.prompt_ids)), own.row.least_n or 1
    if n < least:
        told = f"{n} prompts: {metric} needs at least {least}"
        return Scored(score_of(metric, gathered, None, reason=told, **made_by), {})
    values = _values(own, gathered)
    if own.row.per_image:
        return by_picture(metric, gathered, values, f"number that {own.distribution} gives", **made_by)
    value = float(values[0])
    if not np.isfinite(value):
        return Scored(score_of(metric, gathered, None, reason=f"{own.distribution} gives no number", **made_by), {})
    reason = "one number for all pictures has no interval of its own"
    estimate = Estimate(value, None, None, LEVEL, "none", len(gathered.prompts), n, reason)
    return Scored(score_of(metric, gathered, estimate, **made_by), {})


def _values(own: OwnMetric, gathered: Gathered) -> NDArray[Any]:
    """(n,), or (1,) of a metric of the whole set."""
    arrays = gathered.arrays
    if own.row.uses == "own":
        return arrays[VALUES]
    return values_of(own, arrays, len(gathered.prompts))

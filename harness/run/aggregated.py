"""What a metric is made from and what it gives: features gathered for a cell, and a score with its columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.catalog.metrics import METRICS
from harness.catalog.types import WeightsRow
from harness.run.pictures import metadata_of
from harness.score.clip_score import cosines
from harness.score.reference_set import Reference
from harness.score.view import called_as
from harness.stats.intervals import Estimate, mean_interval
from harness.store.records import Interval, Score

LEVEL = 0.95


@dataclass(frozen=True)
class Gathered:
    """A cell's features under one network, as stored, and the prompts they belong to."""

    features: bytes
    weights: WeightsRow
    digest: str
    prompts: list[str]
    prompt_ids: list[str]
    reference: Reference | str = "no reference set was given"  # under these weights, or why there is none

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The stored arrays."""
        return dict(load(self.features))

    def name_of(self, metric: str, *, literature: bool = True) -> str:
        """The metric with whose weights it was made; the literature's name where these are the literature's weights.

        ``literature``: whether all else that goes into the number is what the literature's name stands for.
        """
        if self.weights.place is None:
            return metric
        called = metadata_of(self.features).get(called_as(metric), metric) if literature else metric
        return f"{called}/{self.weights.name}-{self.digest[:8]}"

    def only(self, rows: NDArray[np.bool_]) -> Gathered:
        """Counted as if there were these rows only; the features stay whole."""
        prompts, prompt_ids = list(compress(self.prompts, rows)), list(compress(self.prompt_ids, rows))
        return replace(self, prompts=prompts, prompt_ids=prompt_ids)


@dataclass(frozen=True)
class Scored:
    """A score, and what it adds to each image's row."""

    score: Score
    columns: dict[str, list[Any]]


def cosines_of(arrays: dict[str, NDArray[Any]], one: str, other: str) -> NDArray[np.float64]:
    """Cosine (n,) of two stored features of each picture; not a number where a row has none of one of them."""
    pictures = sound(arrays["image_features"])
    if one not in arrays or other not in arrays:
        return np.full(len(pictures), np.nan)
    return cosines(arrays[one], arrays[other])


def sound(features: NDArray[np.floating]) -> NDArray[np.floating]:
    """Every picture has these: what is not a number here is a broken network, and no row that lacks something."""
    if not np.isfinite(features).all():
        raise ValueError("the features hold values that are not finite numbers")
    return features


def by_picture(metric: str, gathered: Gathered, values: NDArray[np.floating], needed: str, **made_by: Any) -> Scored:
    """A mean over prompts of a value (n,) for each picture; rows without a finite one are left out, and it is told."""
    found = np.isfinite(values)
    column = [float(value) if there else None for value, there in zip(values, found, strict=True)]
    kept = gathered.only(found)
    if not kept.prompts:
        none = score_of(metric, gathered, None, reason=f"no picture has a {needed}", **made_by)
        return Scored(none, {metric: column})
    estimate = mean_interval(values[found], kept.prompt_ids, level=LEVEL)
    lacking = len(values) - len(kept.prompts)
    told = f"{lacking} of {len(values)} pictures are left out: no {needed}" if lacking else None
    reason = "; ".join(filter(None, (told, estimate.reason))) or None
    return Scored(score_of(metric, kept, estimate, reason=reason, **made_by), {metric: column})


def score_of(
    metric: str, gathered: Gathered, estimate: Estimate | None, *, reason: str | None = None, **made_by: Any
) -> Score:
    """The record of a metric's number; without an ``estimate`` the ``reason`` says why there is none."""
    row, weights, known = METRICS[metric], gathered.weights, metadata_of(gathered.features)
    bounds = None
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        bounds = Interval(low=estimate.low, high=estimate.high, level=estimate.level, method=estimate.method)
    return Score(
        metric=metric,
        name=gathered.name_of(metric),
        value=None if estimate is None else estimate.value,
        unit=row.unit,
        direction=row.direction,
        n=len(gathered.prompts),
        n_prompts=len(set(gathered.prompt_ids)),
        interval=bounds,
        reason=reason or (estimate.reason if estimate is not None else None),
        made_by={
            "weights": weights.name,
            "weights_digest": gathered.digest,
            "architecture": known.get("architecture", weights.architecture),
            "resize": known.get("resize", weights.resize),
            **{name: known[name] for name in ("quantisation",) if name in known},
            "verified": weights.verified,
            **made_by,
        },
    )

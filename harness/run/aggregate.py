"""Features → per-image columns and a cell's number with its interval: one small function a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.catalog.metrics import METRICS
from harness.catalog.types import WeightsRow
from harness.catalog.world import ATTRIBUTES, VOCABULARIES, parse_caption
from harness.run.weights import folder_of
from harness.score.clip_score import clip_scores, cosines
from harness.score.frechet import frechet_distance, least_sample, statistics_of
from harness.score.statistics_file import SHIPPED, load_reference
from harness.stats.intervals import Estimate, jackknife_interval, mean_interval
from harness.store.records import Interval, Score

_LEVEL = 0.95


@dataclass(frozen=True)
class Gathered:
    """A cell's features under one network, as stored, and the prompts they belong to."""

    features: bytes
    weights: WeightsRow
    digest: str
    prompts: list[str]
    prompt_ids: list[str]

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The stored arrays."""
        return dict(load(self.features))


@dataclass(frozen=True)
class Scored:
    """A score, and what it adds to each image's row."""

    score: Score
    columns: dict[str, list[Any]]


def scored(metric: str, gathered: Gathered) -> Scored:
    """Compute one metric."""
    return _METRICS[metric](gathered)


def _clip_score(gathered: Gathered) -> Scored:
    arrays = gathered.arrays
    cosine = cosines(arrays["image_features"], arrays["text_features"])
    values = clip_scores(cosine)
    estimate = mean_interval(values, gathered.prompt_ids, level=_LEVEL)
    columns = {
        "clip_cosine": cosine.tolist(),
        "clip_score": values.tolist(),
        "n_tokens": arrays["n_tokens"].tolist(),
        "truncated": arrays["truncated"].astype(bool).tolist(),
    }
    return Scored(_score("clip_score", gathered, estimate), columns)


def _world_truth(gathered: Gathered) -> Scored:
    """All five attributes right, picture by picture; needs captions of the world."""
    scenes = [parse_caption(prompt) for prompt in gathered.prompts]
    seen = gathered.arrays["predictions"]
    columns: dict[str, list[Any]] = {
        f"seen_{name}": [VOCABULARIES[name][i] for i in seen[:, k].tolist()] for k, name in enumerate(ATTRIBUTES)
    }
    if not all(scenes):
        strange = sum(scene is None for scene in scenes)
        reason = f"{strange} of {len(scenes)} prompts are no captions of the miniature's world"
        return Scored(_score("world_truth", gathered, None, reason=reason), columns)
    truth = np.array([scene.indices() for scene in scenes if scene is not None])
    right = (seen == truth).all(axis=1).astype(float)
    estimate = mean_interval(right, gathered.prompt_ids, level=_LEVEL, share=True)
    return Scored(_score("world_truth", gathered, estimate), columns | {"world_truth": right.tolist()})


def _frechet(gathered: Gathered) -> Scored:
    features = gathered.arrays["features"]
    dimension, n = features.shape[1], len(set(gathered.prompt_ids))
    reference = load_reference(folder_of(gathered.weights.place) / SHIPPED)
    made_by = {"reference": reference.made_by, "reference_n": reference.statistics.n, "dimension": dimension}
    least = least_sample(dimension)
    if n < least:
        reason = f"{n} prompts: a distance on {dimension} features needs at least {least}"
        return Scored(_score("frechet", gathered, None, reason=reason, **made_by), {})

    def distance(kept: NDArray[np.intp]) -> float:
        return frechet_distance(statistics_of(features[kept]), reference.statistics)

    estimate = jackknife_interval(distance, gathered.prompt_ids, level=_LEVEL)
    return Scored(_score("frechet", gathered, estimate, least_n=least, **made_by), {})


_METRICS: dict[str, Callable[[Gathered], Scored]] = {
    "clip_score": _clip_score,
    "frechet": _frechet,
    "world_truth": _world_truth,
}


def _score(
    metric: str, gathered: Gathered, estimate: Estimate | None, *, reason: str | None = None, **made_by: Any
) -> Score:
    row, weights = METRICS[metric], gathered.weights
    bounds = None
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        bounds = Interval(low=estimate.low, high=estimate.high, level=estimate.level, method=estimate.method)
    return Score(
        metric=metric,
        name=f"{metric}/{weights.name}-{gathered.digest[:8]}",
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
            "architecture": weights.architecture,
            "resize": weights.resize,
            "verified": weights.verified,
            **made_by,
        },
    )

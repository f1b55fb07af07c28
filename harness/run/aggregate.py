"""Features → per-image columns and a cell's number with its interval: one small function a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.catalog.metrics import CONVERGED, METRICS
from harness.catalog.types import WeightsRow
from harness.catalog.world import ATTRIBUTES, VOCABULARIES, parse_caption
from harness.run.weights import folder_of
from harness.score.clip_score import clip_scores, cosines, similarities
from harness.score.frechet import frechet_distance, least_sample, statistics_of
from harness.score.inpainting import RING
from harness.score.interpolation import position
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

    def only(self, rows: NDArray[np.bool_]) -> Gathered:
        """Counted as if there were these rows only; the features stay whole."""
        prompts, prompt_ids = list(compress(self.prompts, rows)), list(compress(self.prompt_ids, rows))
        return replace(self, prompts=prompts, prompt_ids=prompt_ids)


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
    assert gathered.weights.place is not None  # an extractor's
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


def _image_similarity(gathered: Gathered) -> Scored:
    values = similarities(_cosines(gathered.arrays, "image_features", "source_features"))
    return _by_picture("image_similarity", gathered, values, "picture that it started from")


def _clip_inside(gathered: Gathered) -> Scored:
    values = clip_scores(_cosines(gathered.arrays, "inside_features", "text_features"))
    return _by_picture("clip_inside", gathered, values, "mask with anything to repaint", outside="blurred")


def _outside_error(gathered: Gathered) -> Scored:
    values, needed = gathered.arrays["outside"], "source with anything outside the mask and its ring"
    return _by_picture("outside_error", gathered, values, needed, ring_px=RING)


def _edge_error(gathered: Gathered) -> Scored:
    values, needed = gathered.arrays["edge"], "source with a ring around the mask"
    return _by_picture("edge_error", gathered, values, needed, ring_px=RING)


def _mix_position(gathered: Gathered) -> Scored:
    arrays = gathered.arrays
    pictures, values = _sound(arrays["image_features"]), np.full(len(gathered.prompts), np.nan)
    if "mix_features" in arrays:
        each = zip(pictures, arrays["mix_features"], arrays["mix_count"].tolist(), strict=True)
        values = np.array([position(picture, things[:count]) for picture, things, count in each])
    return _by_picture("mix_position", gathered, values, "mix of two different things")


def _depth_agreement(gathered: Gathered) -> Scored:
    needed = "hint to agree with, or no depth of its own"
    return _by_picture("depth_agreement", gathered, gathered.arrays["agreement"], needed)


def _depth_error(gathered: Gathered) -> Scored:
    return _by_picture("depth_error", gathered, gathered.arrays["error"], "hint to compare with")


def _converged_distance(gathered: Gathered) -> Scored:
    return _by_picture(CONVERGED, gathered, gathered.arrays["converged"], "converged picture to be held against")


_METRICS: dict[str, Callable[[Gathered], Scored]] = {
    "clip_score": _clip_score,
    "frechet": _frechet,
    "world_truth": _world_truth,
    "image_similarity": _image_similarity,
    "clip_inside": _clip_inside,
    "outside_error": _outside_error,
    "edge_error": _edge_error,
    "mix_position": _mix_position,
    "depth_agreement": _depth_agreement,
    "depth_error": _depth_error,
    CONVERGED: _converged_distance,
}


def _cosines(arrays: dict[str, NDArray[Any]], one: str, other: str) -> NDArray[np.float64]:
    """Cosine (n,) of two stored features of each picture; not a number where a row has none of one of them."""
    sound = _sound(arrays["image_features"])
    if one not in arrays or other not in arrays:
        return np.full(len(sound), np.nan)
    return cosines(arrays[one], arrays[other])


def _sound(features: NDArray[np.floating]) -> NDArray[np.floating]:
    """Every picture has these: what is not a number here is a broken network, and no row that lacks something."""
    if not np.isfinite(features).all():
        raise ValueError("the features hold values that are not finite numbers")
    return features


def _by_picture(metric: str, gathered: Gathered, values: NDArray[np.floating], needed: str, **made_by: Any) -> Scored:
    """A mean over prompts of a value (n,) for each picture; rows without a finite one are left out, and it is told."""
    found = np.isfinite(values)
    column = [float(value) if there else None for value, there in zip(values, found, strict=True)]
    kept = gathered.only(found)
    if not kept.prompts:
        return Scored(_score(metric, gathered, None, reason=f"no picture has a {needed}", **made_by), {metric: column})
    estimate = mean_interval(values[found], kept.prompt_ids, level=_LEVEL)
    lacking = len(values) - len(kept.prompts)
    told = f"{lacking} of {len(values)} pictures are left out: no {needed}" if lacking else None
    reason = "; ".join(filter(None, (told, estimate.reason))) or None
    return Scored(_score(metric, kept, estimate, reason=reason, **made_by), {metric: column})


def _score(
    metric: str, gathered: Gathered, estimate: Estimate | None, *, reason: str | None = None, **made_by: Any
) -> Score:
    row, weights = METRICS[metric], gathered.weights
    bounds = None
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        bounds = Interval(low=estimate.low, high=estimate.high, level=estimate.level, method=estimate.method)
    return Score(
        metric=metric,
        name=metric if weights.place is None else f"{metric}/{weights.name}-{gathered.digest[:8]}",
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

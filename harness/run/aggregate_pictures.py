"""Features → a number for each picture, and a cell's mean of them: one small function a metric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.catalog.metrics import CONVERGED
from harness.run.aggregated import LEVEL, Gathered, Scored, by_picture, cosines_of, score_of, sound
from harness.run.pictures import metadata_of
from harness.score.clip_score import clip_scores, cosines, similarities
from harness.score.directional import directional_cosines
from harness.score.inpainting import RING
from harness.score.interpolation import position
from harness.stats.intervals import mean_interval
from harness.store.records import Score

_SOURCE = "source to be held against"
_OUTSIDE = "source with a window's room outside the mask and its ring"


def _clip_score(gathered: Gathered) -> Scored:
    arrays = gathered.arrays
    cosine = cosines(arrays["image_features"], arrays["text_features"])
    values = clip_scores(cosine)
    estimate = mean_interval(values, gathered.prompt_ids, level=LEVEL)
    columns = {
        "clip_cosine": cosine.tolist(),
        "clip_score": values.tolist(),
        "n_tokens": arrays["n_tokens"].tolist(),
        "truncated": arrays["truncated"].astype(bool).tolist(),
    }
    return Scored(score_of("clip_score", gathered, estimate), columns)


def _image_similarity(gathered: Gathered) -> Scored:
    values = similarities(cosines_of(gathered.arrays, "image_features", "source_features"))
    return by_picture("image_similarity", gathered, values, "picture that it started from")


def _directional_similarity(gathered: Gathered) -> Scored:
    arrays, needed = gathered.arrays, "source with a caption, from which both picture and text differ"
    names = ("image_features", "source_features", "text_features", "caption_features")
    pictures = sound(arrays["image_features"])
    values = np.full(len(pictures), np.nan)
    if all(name in arrays for name in names):
        values = similarities(directional_cosines(*(arrays[name] for name in names)))
    return by_picture("directional_similarity", gathered, values, needed)


def _to_the_source(metric: str, array: str, needed: str) -> Callable[[Gathered], Scored]:
    return lambda gathered: by_picture(metric, gathered, gathered.arrays[array], needed)


def _psnr(metric: str, needed: str) -> Callable[[Gathered], Scored]:
    """Pictures without any difference have no number: decibels would be infinite."""

    def score(gathered: Gathered) -> Scored:
        values = gathered.arrays["psnr"]
        same = int(np.isposinf(values).sum())
        found = by_picture(metric, gathered, values, needed)
        if not same:
            return found
        told = f"{same} of {len(values)} pictures do not differ from the source at all: their PSNR is infinite"
        lacking = int(np.isnan(values).sum())
        others = f"{lacking} of {len(values)} pictures are left out: no {needed}" if lacking else None
        reason = "; ".join(filter(None, (told, others, _rest(found.score, same + lacking, len(values), needed))))
        return Scored(found.score.model_copy(update={"reason": reason}), found.columns)

    return score


def _rest(score: Score, lost: int, n: int, needed: str) -> str:
    """What a score says besides which pictures it leaves out; nothing of one without a value."""
    said = (score.reason or "").removeprefix(f"{lost} of {n} pictures are left out: no {needed}")
    return said.removeprefix("; ") if score.value is not None else ""


def _preference(gathered: Gathered) -> Scored:
    arrays = gathered.arrays
    found = by_picture("preference", gathered, sound(arrays["preference"]), "prompt",
                       logit_scale=metadata_of(gathered.features).get("logit_scale"))  # fmt: skip
    return Scored(found.score, {**found.columns, "preference_truncated": arrays["truncated"].astype(bool).tolist()})


def _clip_inside(gathered: Gathered) -> Scored:
    values = clip_scores(cosines_of(gathered.arrays, "inside_features", "text_features"))
    return by_picture("clip_inside", gathered, values, "mask with anything to repaint", outside="blurred")


def _outside_error(gathered: Gathered) -> Scored:
    values, needed = gathered.arrays["outside"], "source with anything outside the mask and its ring"
    return by_picture("outside_error", gathered, values, needed, ring_px=RING)


def _edge_error(gathered: Gathered) -> Scored:
    values, needed = gathered.arrays["edge"], "source with a ring around the mask"
    return by_picture("edge_error", gathered, values, needed, ring_px=RING)


def _mix_position(gathered: Gathered) -> Scored:
    arrays = gathered.arrays
    pictures, values = sound(arrays["image_features"]), np.full(len(gathered.prompts), np.nan)
    if "mix_features" in arrays:
        each = zip(pictures, arrays["mix_features"], arrays["mix_count"].tolist(), strict=True)
        values = np.array([position(picture, things[:count]) for picture, things, count in each])
    return by_picture("mix_position", gathered, values, "mix of two different things")


def _depth_agreement(gathered: Gathered) -> Scored:
    needed = "hint to agree with, or no depth of its own"
    return by_picture("depth_agreement", gathered, gathered.arrays["agreement"], needed)


def _depth_error(gathered: Gathered) -> Scored:
    return by_picture("depth_error", gathered, gathered.arrays["error"], "hint to compare with")


def _converged_distance(gathered: Gathered) -> Scored:
    return by_picture(CONVERGED, gathered, gathered.arrays["converged"], "converged picture to be held against")


OF_PICTURES: dict[str, Callable[[Gathered], Scored]] = {
    "clip_score": _clip_score,
    "image_similarity": _image_similarity,
    "directional_similarity": _directional_similarity,
    "ssim": _to_the_source("ssim", "ssim", _SOURCE),
    "psnr": _psnr("psnr", _SOURCE),
    "ssim_outside": _to_the_source("ssim_outside", "ssim", _OUTSIDE),
    "psnr_outside": _psnr("psnr_outside", _OUTSIDE),
    "perceptual_distance": _to_the_source("perceptual_distance", "perceptual_distance", _SOURCE),
    "preference": _preference,
    "clip_inside": _clip_inside,
    "outside_error": _outside_error,
    "edge_error": _edge_error,
    "mix_position": _mix_position,
    "depth_agreement": _depth_agreement,
    "depth_error": _depth_error,
    CONVERGED: _converged_distance,
}

"""Numbers of single pictures from stored features: what they are held against, and what has no number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from harness.catalog.metrics import METRICS
from harness.catalog.own_metrics import OwnMetric, OwnMetrics
from harness.catalog.types import MetricRow, Place, WeightsRow
from harness.catalog.weights import WEIGHTS
from harness.run import aggregate_own
from harness.run.aggregate import Gathered, scored

NAN = math.nan
UP, SIDE = (0.0, 1.0), (1.0, 0.0)
NONE = (NAN, NAN)


def gathered(weights: str | WeightsRow, metadata: dict[str, str] | None = None, **arrays: Any) -> Gathered:
    """Four pictures of two prompts."""
    row = WEIGHTS[weights] if isinstance(weights, str) else weights
    known = {name: np.asarray(value) for name, value in arrays.items()}
    data = save(known, metadata=metadata or {})
    return Gathered(data, row, "0123456789", ["a"] * 2 + ["b"] * 2, ["a", "a", "b", "b"])


def folder_row(kind: Any) -> WeightsRow:
    return WeightsRow(name="own-net", kind=kind, place=Place(kind="folder", where="/x"), architecture="any",
                      embedding_dim=None, resize="none", verified=False)  # fmt: skip


@pytest.mark.parametrize("metric", ["psnr", "psnr_outside"])
def test_a_picture_that_is_its_source_has_no_decibels(metric: str) -> None:
    found = scored(metric, gathered("pixels", psnr=[20.0, math.inf, 30.0, 40.0]))
    assert found.columns == {metric: [20.0, None, 30.0, 40.0]}
    assert found.score.value == 27.5 and found.score.unit == "dB" and found.score.n == 3
    assert found.score.reason == (
        "1 of 4 pictures do not differ from the source at all: their PSNR is infinite; "
        "2 prompts: an interval of a mean needs 6"
    )
    lacking = scored(metric, gathered("pixels", psnr=[20.0, math.inf, NAN, 40.0])).score.reason
    assert "1 of 4 pictures do not differ" in str(lacking) and "1 of 4 pictures are left out: no source" in str(lacking)
    same = scored(metric, gathered("pixels", psnr=[math.inf] * 4))
    assert same.score.value is None and "4 of 4 pictures do not differ" in str(same.score.reason)


@pytest.mark.parametrize(("metric", "array"), [("ssim", "ssim"), ("ssim_outside", "ssim")])
def test_similarity_to_the_source(metric: str, array: str) -> None:
    found = scored(metric, gathered("pixels", **{array: [0.5, 0.7, 1.0, NAN]}))
    assert found.score.value == pytest.approx(0.8) and found.score.name == metric
    assert "1 of 4 pictures are left out" in str(found.score.reason)
    assert scored(metric, gathered("pixels", **{array: [NAN] * 4})).score.value is None


def test_the_literatures_name_comes_with_its_weights_alone() -> None:
    values, row = [0.1, 0.3, 0.2, 0.4], folder_row("perceptual")
    plain = scored("perceptual_distance", gathered(row, perceptual_distance=values)).score
    assert plain.value == pytest.approx(0.25) and plain.name == "perceptual_distance/own-net-01234567"
    called = {"called_perceptual_distance": "lpips_alex", "called_preference": "pick_score"}
    named = scored("perceptual_distance", gathered(row, called, perceptual_distance=values)).score
    assert named.name == "lpips_alex/own-net-01234567" and named.metric == "perceptual_distance"


def test_preference_keeps_its_scale() -> None:
    arrays = {"preference": [20.0, 22.0, 21.0, 19.0], "truncated": [False, True, False, False]}
    found = scored("preference", gathered(folder_row("preference"), {"logit_scale": "100"}, **arrays))
    assert found.score.value == pytest.approx(20.5) and found.score.made_by["logit_scale"] == "100"
    assert found.columns["preference_truncated"] == [False, True, False, False]
    with pytest.raises(ValueError, match="not finite"):
        scored("preference", gathered(folder_row("preference"), preference=[NAN] * 4, truncated=[False] * 4))


def test_directions_where_a_row_has_a_source_and_its_caption() -> None:
    features = {
        "image_features": [UP, SIDE, UP, UP], "source_features": [SIDE, UP, NONE, SIDE],
        "text_features": [UP, UP, UP, UP], "caption_features": [SIDE, SIDE, SIDE, UP],
    }  # fmt: skip
    found = scored("directional_similarity", gathered("mini-scorer", **features))
    assert found.columns["directional_similarity"] == [pytest.approx(100), pytest.approx(-100), None, None]
    assert found.score.value == pytest.approx(0) and found.score.n == 2
    del features["caption_features"]
    assert scored("directional_similarity", gathered("mini-scorer", **features)).score.value is None


def _own(monkeypatch: pytest.MonkeyPatch, function: Any, **changes: Any) -> str:
    about = {"name": "glow", "tasks": ("text-to-image",), "direction": "higher", "unit": "points", "per_image": True,
             "least_n": 1, "uses": "open_clip", "source": "us", **changes}  # fmt: skip
    row = MetricRow(**about)
    own = OwnMetric(row, function, "shine", "1.0", "json")
    monkeypatch.setattr(aggregate_own, "own_metrics", lambda: OwnMetrics({"glow": own}, {}))
    monkeypatch.setitem(METRICS, "glow", row)
    return "glow"


def test_a_plug_in_of_features(monkeypatch: pytest.MonkeyPatch) -> None:
    features = gathered("mini-scorer", image_features=[UP, SIDE, UP, UP])
    found = scored(_own(monkeypatch, lambda arrays: arrays["image_features"][:, 1]), features)
    assert found.columns == {"glow": [1.0, 0.0, 1.0, 1.0]} and found.score.value == 0.75
    assert found.score.made_by["package"] == "shine" and found.score.name == "glow/mini-scorer-01234567"
    whole = scored(_own(monkeypatch, lambda arrays: 3, per_image=False), features)
    assert whole.score.value == 3 and whole.score.interval is None and whole.columns == {}
    assert "no interval" in str(whole.score.reason)
    few = scored(_own(monkeypatch, lambda arrays: 1 / 0, least_n=3), features).score
    assert few.value is None and few.reason == "2 prompts: glow needs at least 3" and not few.failed
    none = scored(_own(monkeypatch, lambda arrays: NAN, per_image=False), features).score
    assert none.value is None and none.reason == "shine gives no number"


@pytest.mark.parametrize(("given", "per_image"), [([1.0], True), (3.0, True), ([1.0] * 4, False)])
def test_a_plug_in_that_gives_something_else(monkeypatch: pytest.MonkeyPatch, given: Any, per_image: bool) -> None:
    with pytest.raises(ValueError, match="shine gives an array of shape"):
        scored(
            _own(monkeypatch, lambda _: given, per_image=per_image), gathered("mini-scorer", image_features=[UP] * 4)
        )


def test_a_metric_whose_plug_in_is_not_here_is_no_other() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        scored("nowhere", gathered("pixels", psnr=[1.0] * 4))

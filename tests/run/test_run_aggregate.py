"""From stored features to numbers: known vectors, and rows that lack what a metric needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from harness.catalog.metrics import METRICS
from harness.catalog.weights import WEIGHTS
from harness.run.aggregate import Gathered, Scored, scored

NAN = float("nan")
UP, SIDE, SLANT = (0.0, 1.0), (1.0, 0.0), (0.6, 0.8)
NONE = (NAN, NAN)


def gathered(weights: str, **arrays: Any) -> Gathered:
    """Four pictures of two prompts."""
    known: dict[str, NDArray[Any]] = {
        name: np.asarray(value, dtype=np.int64 if name.endswith("count") else np.float64)
        for name, value in arrays.items()
    }
    return Gathered(save(known), WEIGHTS[weights], "0123456789", ["a"] * 2 + ["b"] * 2, ["a", "a", "b", "b"])


def clip(**arrays: Any) -> Gathered:
    return gathered("mini-scorer", image_features=[UP] * 4, text_features=[SLANT] * 4, **arrays)


def column(found: Scored) -> list[Any]:
    return found.columns[found.score.metric]


def test_every_metric_has_its_function() -> None:
    from harness.run.aggregate import _METRICS

    assert set(_METRICS) == set(METRICS)


def test_image_similarity_is_the_cosine_with_the_source() -> None:
    found = scored("image_similarity", clip(source_features=[UP, SLANT, SIDE, (0.0, -2.0)]))
    assert column(found) == pytest.approx([100, 80, 0, -100])
    assert found.score.value == pytest.approx((90 - 50) / 2) and found.score.n == 4 and found.score.n_prompts == 2
    assert found.score.name == "image_similarity/mini-scorer-01234567" and "2 prompts: an interval" in str(
        found.score.reason
    )


def test_what_is_inside_is_held_against_the_prompt() -> None:
    found = scored("clip_inside", clip(inside_features=[SLANT, SLANT, UP, (-0.6, -0.8)]))
    assert column(found) == pytest.approx([100, 100, 80, 0]) and found.score.made_by["outside"] == "blurred"


def test_a_row_without_what_is_needed_is_left_out_and_told() -> None:
    found = scored("image_similarity", clip(source_features=[UP, NONE, SLANT, SLANT]))
    assert column(found)[0] == pytest.approx(100) and column(found)[1] is None
    assert found.score.value == pytest.approx(90) and (found.score.n, found.score.n_prompts) == (3, 2)
    assert found.score.reason == (
        "1 of 4 pictures are left out: no picture that it started from; 2 prompts: an interval of a mean needs 6"
    )


@pytest.mark.parametrize(
    ("metric", "features"),
    [
        ("image_similarity", clip()),
        ("image_similarity", clip(source_features=[NONE] * 4)),
        ("clip_inside", clip()),
        ("mix_position", clip()),
        ("mix_position", clip(mix_features=np.zeros((4, 1, 2)), mix_count=[0] * 4)),
        ("outside_error", gathered("pixels", outside=[NAN] * 4, edge=[1.0] * 4)),
        ("edge_error", gathered("pixels", outside=[1.0] * 4, edge=[NAN] * 4)),
        ("converged_distance", gathered("pixels", outside=[1.0] * 4, converged=[NAN] * 4)),
        ("depth_agreement", gathered("mini-depth", agreement=[NAN] * 4, error=[1.0] * 4)),
        ("depth_error", gathered("mini-depth", agreement=[1.0] * 4, error=[NAN] * 4)),
    ],
)
def test_where_no_row_has_it_there_is_no_score_but_a_reason(metric: str, features: Gathered) -> None:
    found = scored(metric, features)
    assert found.score.value is None and found.score.interval is None and not found.score.failed
    assert (found.score.reason or "").startswith("no picture has a ") and column(found) == [None] * 4


@pytest.mark.parametrize("metric", ["image_similarity", "clip_inside", "mix_position"])
def test_a_broken_network_is_no_row_that_lacks_something(metric: str) -> None:
    features = gathered("mini-scorer", image_features=[UP, NONE, UP, UP], text_features=[UP] * 4,
                        source_features=[UP] * 4, inside_features=[UP] * 4)  # fmt: skip
    with pytest.raises(ValueError, match="not finite"):
        scored(metric, features)


def test_mix_positions() -> None:
    mixes = [[UP, SIDE, (0, 0)], [SIDE, UP, (0, 0)], [SLANT, SIDE, SIDE], [UP, (0, 0), (0, 0)]]
    found = scored("mix_position", clip(mix_features=mixes, mix_count=[2, 2, 3, 1]))
    assert column(found) == pytest.approx([0, 1, 0.2 / 1.4, None])
    assert found.score.value == pytest.approx((0.5 + 0.2 / 1.4) / 2) and "1 of 4" in (found.score.reason or "")


def test_pixels_have_no_weights_in_their_name() -> None:
    arrays = gathered("pixels", outside=[1.0, 2.0, 3.0, 5.0], edge=[4.0, NAN, 6.0, math.inf])
    outside, edge = scored("outside_error", arrays), scored("edge_error", arrays)
    assert outside.score.name == "outside_error" and outside.score.value == 2.75 and outside.score.unit == "levels"
    assert outside.score.interval is None and outside.score.made_by["ring_px"] == 16
    assert edge.columns["edge_error"] == [4.0, None, 6.0, None] and edge.score.value == 5.0 and edge.score.n == 2


def test_a_distance_to_the_converged_solution_is_of_the_rows_that_have_one() -> None:
    found = scored("converged_distance", gathered("pixels", converged=[4.0, 8.0, 2.0, NAN]))
    assert found.columns == {"converged_distance": [4.0, 8.0, 2.0, None]}
    score = found.score
    assert (score.value, score.n, score.n_prompts, score.unit) == (4.0, 3, 2, "levels"), "prompts count alike"
    assert score.name == "converged_distance" and score.interval is None
    assert (score.reason or "").startswith("1 of 4 pictures are left out: no converged picture to be held against; ")


def test_depth() -> None:
    arrays = gathered("mini-depth", agreement=[0.5, 0.7, 1.0, 1.0], error=[0.1, 0.3, 0.0, 0.4])
    agreement, error = scored("depth_agreement", arrays), scored("depth_error", arrays)
    assert agreement.score.value == pytest.approx(0.8) and agreement.score.direction == "higher"
    assert error.score.value == pytest.approx(0.2) and error.columns == {"depth_error": [0.1, 0.3, 0.0, 0.4]}


def test_one_prompt_has_a_value_and_says_why_it_has_no_interval() -> None:
    found = scored("image_similarity", clip(source_features=[UP, SLANT, NONE, NONE]))
    assert found.score.value == pytest.approx(90) and found.score.interval is None
    assert found.score.reason == (
        "2 of 4 pictures are left out: no picture that it started from; 1 prompt: an interval of a mean needs 6"
    )

"""Numbers of whole sets from stored features: known answers, what stands beside them, and what has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from harness.catalog.metrics import METRICS
from harness.catalog.weights import WEIGHTS
from harness.run import aggregate_sets
from harness.run.aggregate import scored
from harness.run.aggregate_sets import OF_SETS
from harness.run.aggregated import Gathered
from harness.score.frechet import frechet_from_features, statistics_of
from harness.score.kid import kid
from harness.score.reference_set import Reference
from harness.score.vendi import vendi
from harness.store.records import Score

RNG = np.random.default_rng(0)
PICTURES, OTHERS = RNG.normal(size=(80, 4)) + 0.3, 1.2 * RNG.normal(size=(120, 4))
REFERENCE = Reference({"of": "noise"}, "abcdef", features=OTHERS)
AGAINST = [name for name in OF_SETS if METRICS[name].against_set]


def gathered(
    metric: str, features: np.ndarray = PICTURES, reference: Reference | str = REFERENCE, seeds: int = 1
) -> Gathered:
    """Features of so many seeds a prompt, under the network that the metric uses."""
    name = "mini-scorer" if METRICS[metric].uses == "open_clip" else "mini-extractor"
    array = "image_features" if METRICS[metric].uses == "open_clip" else "features"
    prompts = [f"p{i // seeds}" for i in range(len(features))]
    return Gathered(save({array: features}), WEIGHTS[name], "0123456789", prompts, prompts, reference)


def score(metric: str, *arguments: Any, **named: Any) -> Score:
    return scored(metric, gathered(metric, *arguments, **named)).score


@pytest.mark.parametrize("metric", AGAINST)
def test_each_has_a_value_its_sizes_and_what_it_was_held_against(metric: str) -> None:
    found = score(metric)
    assert found.value is not None and found.interval is not None and not found.failed
    assert found.interval.low <= found.value <= found.interval.high, "an interval is around its number"
    assert found.reason == "against 120 pictures" and (found.n, found.n_prompts) == (80, 80)
    made_by = found.made_by
    assert (made_by["reference"], made_by["reference_n"], made_by["dimension"]) == ({"of": "noise"}, 120, 4)
    assert made_by["reference_digest"] == "abcdef" and made_by["least_n"] == 8, "twice the dimension, where that is few"
    assert found.name.startswith(f"{metric}/mini-")


def test_the_numbers_are_the_functions_of_the_features() -> None:
    assert score("frechet").value == pytest.approx(frechet_from_features(PICTURES, OTHERS))
    assert score("kid").value == pytest.approx(kid(PICTURES, OTHERS))
    assert score("vendi").value == pytest.approx(vendi(PICTURES))
    same = Reference({}, "same", features=PICTURES.copy())
    assert score("precision", reference=same).value == score("recall", reference=same).value == 1.0
    assert score("coverage", reference=same).value == 1.0 and (score("frechet", reference=same).value or 0) < 1e-6
    far = Reference({}, "far", features=PICTURES + 50.0)
    assert [score(name, reference=far).value for name in ("precision", "recall", "density", "coverage")] == [0.0] * 4


def test_a_distance_may_be_below_nought() -> None:
    """Two halves of one thing: unbiased, so half of the time; among 20 draws one is."""
    draws = np.random.default_rng(3).normal(size=(20, 120, 4))
    found = [score("kid", one[:60], Reference({}, "x", features=one[60:])).value or 0.0 for one in draws]
    assert min(found) < 0 < max(found)


@pytest.mark.parametrize("metric", AGAINST)
def test_below_the_least_size_there_is_none_with_the_reason(metric: str) -> None:
    """Prompts count, not pictures: 7 prompts of 4 seeds are 28 pictures."""
    found = score(metric, PICTURES[:28], seeds=4)
    assert (found.value, found.interval, found.failed) == (None, None, False)
    assert found.reason == "7 prompts: a distance on 4 features needs at least 8"
    assert found.made_by["reference_digest"] == "abcdef", "it still says what it would have been held against"


def test_the_least_size_of_many_dimensions_is_the_literatures() -> None:
    wide, against = RNG.normal(size=(99, 512)), Reference({}, "w", features=RNG.normal(size=(150, 512)))
    assert score("kid", wide, against).reason == "99 prompts: a distance on 512 features needs at least 100"
    assert score("frechet", wide, against).reason == "99 prompts: a distance on 512 features needs at least 1000"


def test_a_covariance_that_cannot_have_full_rank_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate_sets, "least_sample", lambda _: 8)
    monkeypatch.setattr(aggregate_sets, "comparable_sample", lambda _: 5_000)
    wide, few = RNG.normal(size=(20, 32)), Reference({}, "w", features=RNG.normal(size=(30, 32)))
    assert score("frechet", wide, few).reason == (
        "against 30 pictures; the covariance of 32 features cannot have full rank with 20 pictures; "
        "nor can the reference's, of 30; a diagnostic: comparable from 5,000 prompts"
    )
    enough = RNG.normal(size=(64, 32))
    assert "the reference's covariance of 32 features cannot have full rank with 30 pictures" in (
        score("frechet", enough, few).reason or ""
    )


def test_statistics_alone_serve_the_frechet_distance_only() -> None:
    known = Reference({}, "stats", known=statistics_of(OTHERS))
    assert score("frechet", reference=known).value == pytest.approx(frechet_from_features(PICTURES, OTHERS))
    for metric in (name for name in AGAINST if name != "frechet"):
        found = score(metric, reference=known)
        assert found.value is None and not found.failed
        assert "needs the features of the reference set" in (found.reason or "")


@pytest.mark.parametrize("metric", AGAINST)
def test_no_set_or_another_networks(metric: str) -> None:
    assert score(metric, reference="nothing there").reason == "nothing there"
    other = score(metric, reference=Reference({}, "x", features=OTHERS[:, :3]))
    assert other.value is None and "has 3 features" in (other.reason or "")
    tiny = score(metric, reference=Reference({}, "x", features=OTHERS[:5]))
    assert metric == "frechet" or tiny.reason == "a reference set of 5 pictures is too small"


@pytest.mark.parametrize("metric", OF_SETS)
def test_a_broken_network_is_a_fault_and_no_number(metric: str) -> None:
    with pytest.raises(ValueError, match="not finite"):
        scored(metric, gathered(metric, np.where(PICTURES > 2, np.nan, PICTURES)))


def test_shares_stay_between_none_and_all() -> None:
    """One picture of forty lies in the reference: a bootstrap's interval would go below none."""
    pictures = np.vstack([np.zeros((1, 4)), np.full((79, 4), 90.0)])
    found = score("precision", pictures, seeds=2)
    assert found.interval is not None and 0.0 <= found.interval.low < (found.value or 0) < found.interval.high <= 1.0


def test_recall_of_too_many_pictures_has_a_value_and_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score("recall")
    monkeypatch.setattr(aggregate_sets, "_MOST_DISTANCES", 100)
    found = score("recall")
    assert found.value == whole.value and found.interval is None and "too many distances" in (found.reason or "")


@pytest.mark.parametrize(("prompts", "seeds"), [(63, 1), (40, 2)])
def test_recall_of_few_prompts_has_a_value_and_no_interval(prompts: int, seeds: int) -> None:
    found = score("recall", PICTURES[: prompts * seeds], seeds=seeds)
    assert found.value is not None and found.interval is None
    assert f"no interval: of {prompts} prompts it would be too narrow" in (found.reason or "")
    assert score("recall", PICTURES[:64]).interval is not None


def test_vendi_is_bounded_by_its_number_of_pictures_and_says_so() -> None:
    found = score("vendi", PICTURES[:12], seeds=2)
    assert found.made_by["at_most"] == 12 and "cannot be more than the 12 pictures" in (found.reason or "")
    assert found.interval is not None and (found.n, found.n_prompts) == (12, 6)
    assert score("vendi", PICTURES[:1]).reason == "1 picture: at least 2 are needed"


def test_diversity_within_a_prompt_needs_two_seeds() -> None:
    up, side = (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
    features = np.array([up, side, up, up, side, side])
    found = scored("prompt_diversity", gathered("prompt_diversity", features, seeds=2))
    assert found.columns["prompt_diversity"] == pytest.approx([1, 1, 0, 0, 0, 0])
    assert found.score.value == pytest.approx(1 / 3) and found.score.n_prompts == 3
    alone = score("prompt_diversity", features, seeds=1)
    assert alone.value is None and "no picture has a second seed" in (alone.reason or "") and not alone.failed


def _from_file(here: dict[str, str], said: dict[str, str] | None) -> Score:
    """Features that say ``here`` what made them, against a file that says ``said`` of itself."""
    known = Reference({}, "stats", known=statistics_of(OTHERS), made_with=said)
    prompts = [f"p{i}" for i in range(len(PICTURES))]
    data = save({"features": PICTURES}, metadata={"called_frechet": "fid_tf", **here})
    return scored("frechet", Gathered(data, WEIGHTS["mini-extractor"], "0123456789", prompts, prompts, known)).score


def test_a_file_of_another_network_or_resize_is_refused() -> None:
    here = {"weights_sha256": "aa", "resize": "tf"}
    same = _from_file(here, here)
    assert same.value is not None and same.name.startswith("fid_tf/") and same.reason == "against 120 pictures"
    for name in here:
        other = _from_file(here, here | {name: "another"})
        assert other.value is None and f"made with another network or resize: {name} 'another'" in (other.reason or "")


@pytest.mark.parametrize("said", [{}, {"weights_sha256": "aa"}, {"resize": "tf"}])
def test_a_file_that_does_not_say_gives_no_number_the_literatures_name(said: dict[str, str]) -> None:
    found = _from_file({"weights_sha256": "aa", "resize": "tf"}, said)
    assert found.value is not None and found.name.startswith("frechet/")
    assert "the file does not say which network or resize made it" in (found.reason or "")

"""The world's truth, attribute by attribute: drawn pictures with one thing wrong, as the shipped judge sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save
from support.fake_worker import noted
from support.runs import Lab

from harness.catalog.drawing import draw
from harness.catalog.metrics import METRICS
from harness.catalog.weights import WEIGHTS
from harness.catalog.world import ATTRIBUTES, Scene
from harness.run.aggregate import scored
from harness.run.aggregate_world import OF_THE_WORLD, TRUTHS
from harness.run.aggregated import Gathered
from harness.score.features import View, load_feature_maker

SCENES = [
    Scene("star", "red", "blue", "large", "left"),
    Scene("circle", "yellow", "black", "medium", "top"),
    Scene("cross", "white", "green", "large", "middle"),
    Scene("square", "purple", "white", "medium", "right"),
]
#: an attribute -> what else a scene could have there
OTHERWISE = {"shape": "triangle", "colour": "orange", "background": "purple", "size": "small", "place": "bottom"}
OF_ATTRIBUTE = {name: {metric for metric, asked in TRUTHS.items() if name in asked} for name in ATTRIBUTES}


def gathered(scenes: list[Scene], prompts: list[str] | None = None) -> Gathered:
    """Pictures of the scenes, seen by the judge, for the prompts; without these the captions of ``SCENES``."""
    pixels = draw(scenes, np.random.default_rng(7))
    make = load_feature_maker(WEIGHTS["mini-judge"], "cpu")
    arrays = make([View(Image.fromarray(one), "") for one in pixels])
    texts = prompts or [scene.caption() for scene in SCENES]
    return Gathered(save(dict(arrays)), WEIGHTS["mini-judge"], "0123456789", texts, texts)


def values(found: Gathered) -> dict[str, float | None]:
    return {metric: scored(metric, found).score.value for metric in TRUTHS}


def test_each_is_a_row_of_the_catalog_made_by_one_look() -> None:
    assert set(OF_THE_WORLD) == {name for name in METRICS if name.startswith("world_")} and len(TRUTHS) == 5
    assert {METRICS[name].uses for name in TRUTHS} == {"judge"} and {METRICS[name].unit for name in TRUTHS} == {"share"}
    assert {name for asked in list(TRUTHS.values())[1:] for name in asked} == set(ATTRIBUTES)


def test_pictures_as_the_captions_say_are_right_in_all() -> None:
    found = gathered(SCENES)
    assert values(found) == dict.fromkeys(TRUTHS, 1.0)
    score = scored("world_colours", found).score
    assert score.name == "world_colours/mini-judge-01234567" and (score.n, score.n_prompts) == (4, 4)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_one_attribute_wrong_lowers_its_own_metric_and_the_whole(attribute: str) -> None:
    wrong = [replace(scene, **{attribute: OTHERWISE[attribute]}) for scene in SCENES[:2]]
    found = gathered([*wrong, *SCENES[2:]])
    lowered = OF_ATTRIBUTE[attribute]
    assert len(lowered) == 2 and "world_truth" in lowered
    assert values(found) == {metric: 0.5 if metric in lowered else 1.0 for metric in TRUTHS}
    for metric in TRUTHS:
        column = scored(metric, found).columns[metric]
        assert column == ([0.0, 0.0, 1.0, 1.0] if metric in lowered else [1.0] * 4), "each picture by itself"


def test_a_column_says_what_was_seen_of_the_metrics_own_attributes() -> None:
    columns = scored("world_colours", gathered(SCENES)).columns
    assert set(columns) == {"seen_colour", "seen_background", "world_colours"}
    assert columns["seen_colour"] == ["red", "yellow", "white", "purple"]
    whole = scored("world_truth", gathered(SCENES)).columns
    assert set(whole) == {*(f"seen_{name}" for name in ATTRIBUTES), "world_truth"}


def test_prompts_that_are_no_captions_have_no_truth_but_a_reason() -> None:
    strange = gathered(SCENES, [*(scene.caption() for scene in SCENES[:3]), "a ship at sea"])
    for metric in TRUTHS:
        score = scored(metric, strange).score
        assert score.value is None and not score.failed
        assert score.reason == "1 of 4 prompts are no captions of the miniature's world"


def test_all_of_them_cost_one_look(lab: Lab) -> None:
    lab.spec(num_inference_steps=20, metrics=["world_truth"])
    lab.run()
    looks = noted(lab.store.root, "features")
    assert looks == 1
    lab.spec(num_inference_steps=20, metrics=list(TRUTHS))
    (cell,) = lab.cells(lab.run()).values()
    assert {score.metric: score.value for score in cell.scores} == dict.fromkeys(TRUTHS, 1.0)
    assert noted(lab.store.root, "features") == looks, "the pictures were seen already"

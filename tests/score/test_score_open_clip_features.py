"""What an open_clip model says of sources, masks and mixes: arrays, and the world's truth under the shipped one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.catalog.drawing import arrange, draw, paint
from harness.catalog.types import Place
from harness.catalog.weights import WEIGHTS
from harness.catalog.world import Scene
from harness.score.clip_score import cosines
from harness.score.features import FeatureMaker, View, load_feature_maker
from harness.score.interpolation import position
from harness.score.open_clip_scorer import OpenClipScorer

STAR = Scene("star", "red", "blue", "large", "left")


@pytest.fixture(scope="module")
def tiny(scorer_folder: Path) -> FeatureMaker:
    place = Place(kind="folder", where=str(scorer_folder))
    return load_feature_maker(WEIGHTS["mini-scorer"].model_copy(update={"place": place}), "cpu")


@pytest.fixture(scope="module")
def shipped() -> FeatureMaker:
    return load_feature_maker(WEIGHTS["mini-scorer"], "cpu")


def drawn(*scenes: Scene, seed: int = 0) -> list[Image.Image]:
    return [Image.fromarray(pixels) for pixels in draw(scenes, np.random.default_rng(seed))]


def white(box: tuple[int, int, int, int], side: int = 64) -> Image.Image:
    mask = Image.new("L", (side, side))
    mask.paste(255, box)
    return mask


def test_only_what_the_views_have(tiny: FeatureMaker, pictures: list[Image.Image]) -> None:
    known = {"image_features", "text_features", "n_tokens", "truncated"}
    one, other = pictures[:2]
    assert set(tiny([View(one, "a"), View(other, "b")])) == known
    assert set(tiny([View(one, "a", image=other)])) == known | {"source_features"}
    assert set(tiny([View(one, "a", mask=white((0, 0, 9, 9)))])) == known | {"inside_features"}
    assert set(tiny([View(one, "a", mix=("b", other))])) == known | {"mix_features", "mix_count"}


def test_a_line_of_what_a_row_lacks_is_not_a_number(tiny: FeatureMaker, pictures: list[Image.Image]) -> None:
    one, other = pictures[:2]
    made = tiny([View(one, "a", image=other), View(one, "a", mask=white((0, 0, 0, 0))), View(other, "a", image=one)])
    assert np.isnan(made["source_features"][1]).all() and np.isnan(made["inside_features"]).all()
    assert np.allclose(made["source_features"][[0, 2]], made["image_features"][[2, 0]], atol=1e-6)


def test_outside_the_mask_nothing_is_left_to_see(tiny: FeatureMaker, pictures: list[Image.Image]) -> None:
    one, other = pictures[:2]
    whole = tiny([View(one, "a", mask=white((0, 0, 128, 128), side=128))])
    assert np.array_equal(whole["inside_features"], whole["image_features"])
    mixed = one.copy()
    mixed.paste(other.crop((16, 16, 48, 48)), (16, 16))
    made = tiny([View(picture, "a", mask=white((16, 16, 48, 48))) for picture in (mixed, other, one)])
    alike, unlike = (cosines(made["inside_features"][:1], made["inside_features"][[k]])[0] for k in (1, 2))
    assert alike > 0.999 and unlike < alike
    apart = cosines(made["image_features"][:1], made["image_features"][[1]])[0]
    assert apart < alike  # it was the mask that made them alike


def test_mixes_are_padded_and_counted(tiny: FeatureMaker, pictures: list[Image.Image]) -> None:
    one, other = pictures[:2]
    made = tiny([View(one, "a", mix=("a star", other, one)), View(other, "a star", mix=(one, "a star")), View(one, "")])
    assert made["mix_features"].shape == (3, 3, 16) and made["mix_count"].tolist() == [3, 2, 0]
    image, text = made["image_features"], made["text_features"]
    assert np.allclose(made["mix_features"][0], np.stack([text[1], image[1], image[0]]), atol=1e-6)
    assert np.allclose(made["mix_features"][1, :2], np.stack([image[0], text[1]]), atol=1e-6)
    assert not made["mix_features"][1, 2].any() and not made["mix_features"][2].any()


def test_each_distinct_picture_is_encoded_once(
    tiny: FeatureMaker, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    own = OpenClipScorer.images

    def counted(scorer: OpenClipScorer, given: list[Image.Image]) -> object:
        encoded.append(len(given))
        return own(scorer, given)

    monkeypatch.setattr(OpenClipScorer, "images", counted)
    source, end = pictures[4:]
    made = tiny([View(p, "a", image=source.copy(), mix=("b", end.copy())) for p in pictures[:4]])
    assert encoded == [4, 1, 1]
    assert (made["source_features"] == made["source_features"][0]).all()


def test_two_pictures_of_one_scene_are_most_alike(shipped: FeatureMaker) -> None:
    """Similarity falls with every attribute that changes; each step is the mean over drawings."""
    changed = [STAR]
    for name, value in (("colour", "green"), ("shape", "circle"), ("background", "yellow"), ("place", "right")):
        changed.append(replace(changed[-1], **{name: value}))
    sources, mean = drawn(*[STAR] * 8, seed=1), []
    for scene in changed:
        made = shipped([View(p, "", image=s) for p, s in zip(drawn(*[scene] * 8), sources, strict=True)])
        mean.append(float(cosines(made["image_features"], made["source_features"]).mean()))
    assert mean[0] > 0.95 and all(more > less for more, less in pairwise(mean))


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_the_prompts_object_is_found_inside_the_mask_and_not_beside_it(shipped: FeatureMaker, size: str) -> None:
    """One picture, two masks: where the object is, and the other side. A crop of the mask fails here."""
    scene = replace(STAR, size=size)
    pictures, left, right = drawn(*[scene] * 6), white((4, 14, 32, 50)), white((32, 14, 60, 50))
    made = shipped([View(picture, scene.caption(), mask=mask) for picture in pictures for mask in (left, right)])
    inside = cosines(made["inside_features"], made["text_features"])
    assert inside[::2].min() > inside[1::2].max()


def test_the_wrong_object_inside_the_mask_is_worse(shipped: FeatureMaker) -> None:
    mask, wrong = white((4, 14, 36, 50)), (replace(STAR, colour="green"), replace(STAR, shape="circle"))
    made = shipped([View(picture, STAR.caption(), mask=mask) for picture in drawn(*[STAR, *wrong] * 6)])
    inside = cosines(made["inside_features"], made["text_features"])
    assert inside[::3].min() > max(inside[1::3].max(), inside[2::3].max())


def test_pictures_of_the_ends_stand_at_the_ends(shipped: FeatureMaker) -> None:
    """A middle: the same drawing with its colour half way, red to blue."""
    first, last = (replace(STAR, colour=colour, background="white", place="middle") for colour in ("red", "blue"))
    layouts = [arrange([scene], np.random.default_rng(5)) for scene in (first, last)]
    half = replace(layouts[0], ink=(layouts[0].ink + layouts[1].ink) / 2)
    ends, between = [Image.fromarray(paint(one)[0]) for one in layouts], Image.fromarray(paint(half)[0])
    others = drawn(first, last, seed=9)
    for mix in (tuple(ends), (first.caption(), last.caption())):
        made = shipped([View(picture, "", mix=mix) for picture in (others[0], between, others[1])])
        found = [position(f, m) for f, m in zip(made["image_features"], made["mix_features"], strict=True)]
        assert found[0] < 0.2 and found[0] < found[1] < found[2] and found[2] > 0.8, found

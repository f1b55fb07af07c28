"""The pictures show what their captions say: checked on pixels, with no trained network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.catalog.drawing import SIDE, arrange, depth, draw, paint, sample
from harness.catalog.world import COLOURS, PLACES, SIZES, Scene, parse_caption, scenes, split
from harness.miniature.data import drawn, held_out_set, other_things

_SAMPLE = 400


@pytest.fixture(scope="module")
def shown() -> tuple[list[Scene], NDArray[np.float64]]:
    """Scenes drawn evenly, and their pictures."""
    rng = np.random.default_rng(8)
    chosen = sample(scenes(), _SAMPLE, rng)
    return chosen, draw(chosen, rng).astype(np.float64)


def _nearest(pixel: NDArray[np.float64]) -> str:
    return min(COLOURS, key=lambda name: float(np.abs(pixel - np.array(COLOURS[name])).sum()))


def _mask(scene: Scene, picture: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels nearer to the shape's colour than to the background's."""
    ink, ground = (np.abs(picture - np.array(COLOURS[name])).sum(-1) for name in (scene.colour, scene.background))
    return np.asarray(ink < ground)


def test_both_colours_are_where_the_caption_says(shown: tuple[list[Scene], NDArray[np.float64]]) -> None:
    for scene, picture in zip(*shown, strict=True):
        dx, dy = PLACES[scene.place][1]
        assert _nearest(picture[SIDE // 2 + dy, SIDE // 2 + dx]) == scene.colour, scene
        assert _nearest(picture[0, 0]) == _nearest(picture[-1, -1]) == scene.background, scene


def test_the_shape_lies_where_the_caption_says(shown: tuple[list[Scene], NDArray[np.float64]]) -> None:
    centres = {name: np.array(offset) + SIDE / 2 for name, (_, offset) in PLACES.items()}
    for scene, picture in zip(*shown, strict=True):
        rows, columns = np.nonzero(_mask(scene, picture))
        centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        nearest = min(centres, key=lambda name: float(np.linalg.norm(centre - centres[name])))
        assert nearest == scene.place, scene


def test_sizes_do_not_overlap(shown: tuple[list[Scene], NDArray[np.float64]]) -> None:
    counts: dict[tuple[str, str], list[int]] = {}
    for scene, picture in zip(*shown, strict=True):
        counts.setdefault((scene.shape, scene.size), []).append(int(_mask(scene, picture).sum()))
    for shape in {shape for shape, _ in counts}:
        small, medium, large = (counts[shape, size] for size in SIZES)
        assert max(small) < min(medium) and max(medium) < min(large), shape


def test_every_caption_says_its_scene_and_no_other() -> None:
    everything = scenes()
    assert len({scene.caption() for scene in everything}) == len(everything) == 5_040
    assert all(parse_caption(scene.caption()) == scene for scene in everything)
    assert parse_caption("a small red star at the top of a red background") is None
    assert parse_caption("a red panda") is None


def test_every_german_caption_says_its_scene_and_no_other() -> None:
    everything = scenes()
    assert len({scene.caption("de") for scene in everything}) == 5_040
    assert all(parse_caption(scene.caption("de")) == scene for scene in everything)
    star = Scene("star", "red", "blue", "small", "left")
    assert star.caption("de") == "ein kleiner roter Stern links auf blauem Hintergrund"
    assert (
        Scene("diamond", "white", "green", "large", "middle").caption("de").startswith("eine große weiße Raute mitten")
    )
    assert parse_caption("ein kleines rotes Stern links auf blauem Hintergrund") is None


def test_held_out_captions_are_in_no_training_picture() -> None:
    train, held_out = split()
    assert not {s.caption() for s in train} & {s.caption() for s in held_out}
    assert len(train) + len(held_out) == 5_040 and 0.08 < len(held_out) / 5_040 < 0.12
    made, kept = drawn(train, 50, seed=4), held_out_set(50)
    assert not any(made.pool[i].held_out() for i in made.which)
    assert all(kept.pool[i].held_out() for i in kept.which)


def test_the_same_seed_draws_the_same_pictures() -> None:
    train, _ = split()
    one, same, other = drawn(train, 20, seed=4), drawn(train, 20, seed=4), drawn(train, 20, seed=5)
    assert (one.pixels == same.pixels).all() and (one.which == same.which).all()
    assert not (one.pixels == other.pixels).all()


def test_depth_is_nearest_on_the_shape_and_nearer_on_a_larger_one() -> None:
    """Known answers: a shape's depth follows from its radius alone, the background's from its angle alone."""
    scene = Scene("circle", "red", "blue", "small", "middle")
    one = arrange([scene, scene], np.random.default_rng(0))
    known = replace(one, radius=np.array([9, 18], np.float32), angle=np.array([0, np.pi / 2], np.float32))
    maps = depth(known)
    assert maps[0, 32, 32] == pytest.approx(0.3 + 9 / 27) and maps[1, 32, 32] == pytest.approx(0.3 + 18 / 27)
    assert maps[0, 0, 0] == pytest.approx(0.15) and maps[0, 0, -1] == pytest.approx(0.35)
    assert maps[1, 0, 0] == pytest.approx(0.15) and maps[1, -1, 0] == pytest.approx(0.35)
    assert maps.min() >= 0 and maps.max() <= 1


def test_depth_and_picture_are_of_one_layout() -> None:
    layout = arrange(sample(scenes(), 50, np.random.default_rng(1)), np.random.default_rng(2))
    pictures, maps = paint(layout).astype(np.float64), depth(layout)
    for i in range(50):
        ink, ground = (np.abs(pictures[i] - colour[i]).sum(-1) for colour in (layout.ink, layout.ground))
        assert ((ink < ground) == (maps[i] > 0.5)).mean() > 0.98
        brighter = pictures[i, [0, -1]].mean((1, 2)) @ [-1, 1]  # the background is nearer where it is brighter
        assert np.sign(brighter) == np.sign(maps[i, -1, 0] - maps[i, 0, 0]) or abs(np.sin(layout.angle[i])) < 0.2


def test_a_layout_is_found_again_and_gives_the_same_pictures() -> None:
    train, _ = split()
    made = drawn(train, 30, seed=4)
    assert (paint(made.layout) == made.pixels).all()
    assert (paint(made.layout[[3, 7]]) == made.pixels[[3, 7]]).all()


def test_another_thing_stands_on_the_same_background() -> None:
    made = drawn(split()[0], 60, seed=4)
    others = other_things(made, 40)
    assert (others.ground == made.layout.ground[:40]).all() and (others.angle == made.layout.angle[:40]).all()
    pictures = paint(others)
    gone = others.centre[:, 0] < 0
    assert 0 < gone.sum() < 20
    contrast = np.abs(pictures.astype(int) - others.ground[:, None, None]).max((1, 2, 3))
    assert (contrast[gone] < 12).all() and (contrast[~gone] > 40).all()

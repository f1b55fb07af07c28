"""The tasks' tables are what their command makes, hold out what they must, and mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from harness.catalog.drawing import arrange, depth
from harness.catalog.world import parse_caption, scenes, split
from harness.miniature.cases import FOLDER, TABLES, hole, other_thing, text
from harness.miniature.holes import white


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_fresh(name: str) -> None:
    assert (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8") == text(name), (
        "run `python -m harness.miniature.cases`"
    )


def test_captions_are_held_out_and_rows_differ() -> None:
    for name, table in TABLES.items():
        rows = list(table())
        captions = [row["prompt"] if "prompt" in row else row["mix"][0] for row in rows]
        assert len(set(captions)) == len(rows), name
        assert all((scene := parse_caption(caption)) is not None and scene.held_out() for caption in captions)


def test_a_hole_holds_the_captioned_shape() -> None:
    for scene in scenes()[::37]:
        shape = depth(arrange([scene], np.random.default_rng(0)))[0] > 0.6
        assert (shape & white(np.array([hole(scene)]))[0]).sum() >= 0.97 * shape.sum(), scene


def test_a_source_shows_another_thing_on_the_same_background() -> None:
    rng = np.random.default_rng(0)
    for scene in split()[1][:60]:
        other = other_thing(scene, rng)
        assert other.background == scene.background
        assert other.shape != scene.shape and other.colour != scene.colour


def test_ends_differ_in_one_thing() -> None:
    for row in TABLES["interpolation"]():
        first, second = (parse_caption(caption) for caption in row["mix"])
        assert first is not None and second is not None
        assert sum(a != b for a, b in zip(first.indices(), second.indices(), strict=True)) == 1

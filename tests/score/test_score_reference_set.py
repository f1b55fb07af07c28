"""Reference sets: what they hold, and what they are called by."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import MissingError
from harness.miniature import data
from harness.score import reference_set
from harness.score.frechet import statistics_of
from harness.score.reference_set import (
    Reference,
    content_digest,
    picture_files,
    pixel_digest,
    world_pictures,
)
from harness.spec.picture_cells import PICTURE_SUFFIXES
from harness.spec.pictures import FORMATS


def test_the_worlds_pictures_are_drawn_as_those_of_the_shipped_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one chunk of them: the jitter of the second follows from the first's."""
    assert reference_set._CHUNK == data._CHUNK
    monkeypatch.setattr(reference_set, "_CHUNK", 4)
    monkeypatch.setattr(data, "_CHUNK", 4)
    drawn = [np.asarray(picture) for picture in world_pictures(10, 3)]
    assert np.array_equal(np.stack(drawn), data.held_out_set(10, seed=3).pixels)


def test_another_seed_is_another_set_and_the_same_is_the_same() -> None:
    def digest(count: int, seed: int) -> str:
        return content_digest([pixel_digest(picture) for picture in world_pictures(count, seed)])

    assert digest(12, 3) == digest(12, 3) and len({digest(12, 3), digest(12, 4), digest(11, 3)}) == 3


def test_a_folders_pictures_by_name_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "below/c.webp", ".hidden.png", ".thumbs/d.png", "words.txt", "e.tiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found, others = picture_files(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.JPG", "b.png", "e.tiff", "below/c.webp"]
    assert others == 1, "the words; what is hidden is no part of it"
    with pytest.raises(MissingError, match="cannot be looked into"):
        picture_files(tmp_path / "nowhere")


def test_a_folders_pictures_are_those_that_a_spec_reads() -> None:
    Image.init()
    assert {Image.registered_extensions()[ending] for ending in PICTURE_SUFFIXES} == set(FORMATS)


def test_a_set_is_its_pictures_not_their_order_but_their_number() -> None:
    assert content_digest(["a", "b"]) == content_digest(["b", "a"]) != content_digest(["a", "b", "b"])
    picture = Image.new("RGB", (2, 3))
    assert pixel_digest(picture) != pixel_digest(picture.transpose(Image.Transpose.ROTATE_90)), "size is part of it"


def test_what_follows_from_a_set_is_made_once() -> None:
    features, count = np.random.default_rng(0).normal(size=(9, 4)), itertools.count()
    reference = Reference({}, "d", features=features)
    assert [reference.once("k", lambda: next(count)) for _ in range(2)] == [0, 0]
    assert reference.once("other", lambda: next(count)) == 1
    assert reference.statistics is reference.statistics and (reference.n, reference.dimension) == (9, 4)
    assert np.array_equal(reference.statistics.mean, statistics_of(features).mean)

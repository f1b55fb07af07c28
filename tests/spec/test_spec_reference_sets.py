"""``reference_set`` in a spec: the world, a folder, a file, and what is none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.spec.reader import Reader
from harness.spec.reference_sets import reference_set_of
from harness.spec.source import Source
from harness.spec.types import ReferenceSet


def read(folder: Path, value: Any, metrics: tuple[str, ...] | None = None) -> tuple[ReferenceSet | None, Source]:
    """What a spec in ``folder`` says with this value, and its faults."""
    source = Source(folder / "spec.yaml", "")
    return reference_set_of(Reader(source), {"reference_set": value}, metrics), source


def test_the_world_with_its_count_and_seed(tmp_path: Path) -> None:
    assert read(tmp_path, "world")[0] == ReferenceSet(kind="world", count=4096, seed=3)
    found, source = read(tmp_path, {"world": {"count": 500}}, ("kid",))
    assert found == ReferenceSet(kind="world", count=500, seed=3) and not source.problems
    assert found.label == "500 pictures of the world's held-out captions, seed 3"


def test_a_folder_and_a_file_start_at_the_specs_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "known.npz").touch()
    folder, file = (read(tmp_path, name)[0] for name in ("pictures", "./known.npz"))
    assert folder == ReferenceSet(kind="folder", path=str(tmp_path / "pictures"))
    assert file == ReferenceSet(kind="file", path=str(tmp_path / "known.npz"))


def test_without_the_key_it_is_left_to_the_extractor(tmp_path: Path) -> None:
    assert reference_set_of(Reader(Source(tmp_path / "spec.yaml", "")), {}, None) is None


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        (7, "reference_set", "is no reference set"),
        ({"world": 7}, "reference_set.world", "says nothing of the world's pictures"),
        ({"world": {"count": 1}}, "reference_set.world.count", "1 will not do"),
        ({"world": {"count": True}}, "reference_set.world.count", "will not do"),
        ({"world": {"seed": -1}}, "reference_set.world.seed", "-1 will not do"),
        ({"world": {"seeds": 1}}, "reference_set.world.seeds", "unknown key"),
        ({"folder": "x"}, "reference_set", "is no reference set"),
        ("nowhere", "reference_set", "there is no nowhere"),
        ("a\0b", "reference_set", "is no path"),
        ("words.txt", "reference_set", "is no reference set"),
        ("stat-fid-2048.pt", "reference_set", "runs whatever code is in it; if you trust it, convert it"),
    ],
)
def test_what_is_none(tmp_path: Path, value: Any, place: str, words: str) -> None:
    for name in ("words.txt", "stat-fid-2048.pt"):
        (tmp_path / name).touch()
    _, source = read(tmp_path, value)
    (fault,) = source.problems
    assert fault.path == place and words in fault.happened and fault.missing == (value == "nowhere")


def test_nothing_is_held_against_it(tmp_path: Path) -> None:
    _, source = read(tmp_path, "world", ("clip_score", "vendi"))
    (fault,) = source.problems
    assert "no metric that is held against one" in fault.happened and "kid" in fault.expected

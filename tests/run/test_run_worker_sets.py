"""A worker's look at a reference set, with the miniature's extractor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from harness.base import digest
from harness.catalog.weights import WEIGHTS
from harness.errors import HarnessError
from harness.plan.types import ReferenceSet
from harness.run.bench import Bench
from harness.run.pictures import metadata_of
from harness.run.protocol import ExtractSet
from harness.run.reference_sets import folder_content
from harness.run.worker_ops import perform
from harness.score.features import as_tensor, weights_folder
from harness.score.reference_set import world_pictures
from harness.store.store import Store, open_store

EXTRACTOR = WEIGHTS["mini-extractor"]
KEY = digest("set")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def look(store: Store, asked: ReferenceSet, content: str | None = None) -> tuple[np.ndarray, dict[str, str]]:
    request = ExtractSet(weights=EXTRACTOR, asked=asked, content=content, features_key=KEY, made_in="run-1")
    perform(Bench(store=store), request)()
    data = store.get("features", KEY)
    return load(data)["features"], metadata_of(data)


def of_pictures(pictures: list[Image.Image]) -> np.ndarray:
    from harness.score.extractor import load_extractor

    assert EXTRACTOR.place is not None
    net = load_extractor(weights_folder(EXTRACTOR.place))
    return np.concatenate([net(as_tensor([one])).numpy() for one in pictures])


def test_the_world_in_order_and_what_it_is(store: Store) -> None:
    features, about = look(store, ReferenceSet(kind="world", count=70, seed=3))
    assert features.shape == (70, 16) and features.dtype == np.float32, "more than one batch"
    picked = list(world_pictures(70, 3))
    assert np.allclose(features[[0, 69]], of_pictures([picked[0], picked[69]]), atol=1e-4)
    assert (about["pictures"], about["of"], about["seed"]) == ("70", "captions held out from training", "3")
    assert len(about["content"]) == 64 and about["made_in"] == "run-1" and about["weights"] == "mini-extractor"


def test_a_folder_of_pictures_of_several_sizes(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    pictures = [Image.new("RGB", size, colour) for size, colour in (((64, 64), "red"), ((90, 70), "blue"))]
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        pictures[i % 2].save(folder / name)
    content = folder_content(folder, store)
    features, about = look(store, ReferenceSet(kind="folder", path=str(folder)), content)
    assert np.allclose(features, of_pictures([pictures[0], pictures[1], pictures[0]]), atol=1e-4)
    assert (about["of"], about["content"]) == ("the folder pictures", content)
    assert str(tmp_path) not in str(about), "where it lies is no part of what it is"
    pictures[1].save(folder / "d.png")
    with pytest.raises(HarnessError, match="changed while they were looked at"):
        look(store, ReferenceSet(kind="folder", path=str(folder)), content)
    (folder / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n of no use")
    with pytest.raises(HarnessError, match=r"d\.png is no picture"):
        look(store, ReferenceSet(kind="folder", path=str(folder)))

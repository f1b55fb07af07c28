"""What a worker holds pictures against: their converged solutions, picture by picture, by their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from support.plans import make_plan

from harness.base import digest
from harness.catalog.weights import WEIGHTS
from harness.errors import HarnessError
from harness.run.bench import Bench
from harness.run.protocol import Extract
from harness.run.worker_files import archive_bytes, png_bytes
from harness.run.worker_ops import perform
from harness.store.store import Store, open_store

ROWS = make_plan(rows=4).rows
NOISE = np.random.default_rng(0).integers(0, 200, (4, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def _keep(store: Store, key: str, pictures: Any, name: str = "r") -> str:
    pngs = {f"{name}{i}": png_bytes(picture) for i, picture in enumerate(pictures)}
    store.put("images", digest(key), archive_bytes(pngs, {"made_in": "run-1"}))
    return digest(key)


def _distances(store: Store, images: tuple[str, ...], converged: tuple[str, ...]) -> list[float]:
    request = Extract(weights=WEIGHTS["pixels"], image_keys=images, converged_keys=converged, task="text-to-image",
                      rows=ROWS, features_key=digest("f"))  # fmt: skip
    perform(Bench(store=store), request)()
    return list(load(store.get("features", digest("f")))["converged"].tolist())


def test_the_same_pictures_are_at_no_distance(store: Store) -> None:
    key = _keep(store, "a", NOISE)
    assert _distances(store, (key,), (key,)) == [0.0] * 4


def test_a_distance_is_in_levels_and_goes_by_place(store: Store) -> None:
    """Another run may have named the same rows otherwise, and cut them into other batches."""
    one, two = _keep(store, "a", NOISE[:2]), _keep(store, "b", NOISE[2:])
    moved = NOISE + np.array([3, 4, 5, 6], dtype=np.uint8)[:, None, None, None]
    assert _distances(store, (one, two), (_keep(store, "c", moved, name="x"),)) == pytest.approx([3, 4, 5, 6])


def test_what_has_no_converged_picture_has_no_distance(store: Store) -> None:
    key = _keep(store, "a", NOISE)
    first = _distances(store, (key,), (_keep(store, "b", NOISE[:3] + np.uint8(1)),))
    assert first == pytest.approx([1, 1, 1, np.nan], nan_ok=True)
    assert np.isnan(_distances(store, (key,), ())).all()


def test_more_converged_pictures_than_pictures_are_a_fault(store: Store) -> None:
    one, two = _keep(store, "a", NOISE), _keep(store, "b", NOISE[:1])
    with pytest.raises(HarnessError, match="4 stored pictures for 4 rows, and 5 to hold them against"):
        _distances(store, (one,), (one, two))

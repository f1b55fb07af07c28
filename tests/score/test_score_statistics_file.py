"""Reference statistics from a file, and from a folder of pictures, once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from harness.errors import MissingError
from harness.score.frechet import statistics_of
from harness.score.statistics_file import Reference, folder_reference, load_reference, reference_bytes
from harness.store.store import open_store


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(40, 5))
    written = Reference(statistics_of(features), {"of": "noise", "pictures": "40"})
    (tmp_path / "r.safetensors").write_bytes(reference_bytes(written))
    read = load_reference(tmp_path / "r.safetensors")
    assert np.array_equal(read.statistics.covariance, written.statistics.covariance)
    assert read.statistics.n == 40 and read.made_by == {"of": "noise", "pictures": "40"}


def _damaged(tmp_path: Path, name: str) -> Path:
    path = tmp_path / f"{name}.safetensors"
    good = {"mean": np.zeros(3), "covariance": np.eye(3), "n": np.array(9)}
    changes = {
        "no covariance": {"covariance": None},
        "another shape": {"covariance": np.eye(4)},
        "one sample": {"n": np.array(1)},
        "not a number": {"mean": np.full(3, np.nan)},
    }
    if name in changes:
        save_file({k: v for k, v in {**good, **changes[name]}.items() if v is not None}, path)
    elif name == "text":
        path.write_text("these are no tensors, but they are long enough to be read as a header")
    return path


@pytest.mark.parametrize("name", ["absent", "text", "no covariance", "another shape", "one sample", "not a number"])
def test_what_is_no_statistics_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingError, match="no reference statistics"):
        load_reference(_damaged(tmp_path, name))


def test_a_folder_is_looked_at_once_until_it_changes(tmp_path: Path) -> None:
    store, folder = open_store(tmp_path / "store"), tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    calls: list[int] = []

    def extract(paths: list[Path]) -> np.ndarray:
        calls.append(len(paths))
        return np.stack([np.asarray(Image.open(p)).mean(axis=(0, 1)) for p in paths])

    first = folder_reference(folder, "weights", store, extract)
    second = folder_reference(folder, "weights", store, extract)
    assert calls == [6] and np.array_equal(first.statistics.mean, second.statistics.mean)
    assert second.made_by["pictures"] == "6" and second.made_by["of"] == "pictures"
    folder_reference(folder, "other weights", store, extract)
    (folder / "0.png").unlink()
    folder_reference(folder, "weights", store, extract)
    assert calls == [6, 6, 5]


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(MissingError, match="holds 0 pictures"):
        folder_reference(tmp_path / "nowhere", "w", store, lambda _: np.zeros((0, 2)))

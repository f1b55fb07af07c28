"""Reference statistics and features from files: ours, clean-fid's and torch-fidelity's; and what is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import MissingError
from harness.score import statistics_file
from harness.score.frechet import statistics_of
from harness.score.reference_set import Reference
from harness.score.statistics_file import load_reference, reference_bytes

FEATURES = np.random.default_rng(0).normal(size=(40, 5))
KNOWN = statistics_of(FEATURES)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = Reference({"of": "noise", "pictures": "40"}, "", known=KNOWN)
    (tmp_path / "r.safetensors").write_bytes(reference_bytes(written, weights_sha256="ab", resize="none"))
    read = load_reference(tmp_path / "r.safetensors")
    assert np.array_equal(read.statistics.covariance, KNOWN.covariance) and read.features is None
    assert (read.n, read.dimension, read.about) == (40, 5, written.about)
    assert read.made_with == {"weights_sha256": "ab", "resize": "none"}


def test_clean_fids_and_torch_fidelitys_names(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "clean.npz", mu=KNOWN.mean, sigma=KNOWN.covariance)
    save_file({"mu": KNOWN.mean, "sigma": KNOWN.covariance}, tmp_path / "fidelity.safetensors")
    clean, fidelity = load_reference(tmp_path / "clean.npz"), load_reference(tmp_path / "fidelity.safetensors")
    assert np.array_equal(clean.statistics.mean, KNOWN.mean) and clean.n is None
    assert clean.about == {"of": "clean.npz"} and clean.digest == fidelity.digest, "one content, one digest"
    assert clean.made_with == fidelity.made_with == {}, "they do not say whose they are"
    assert not clean.statistics.rank_deficient, "what is not known is not said"


def test_features_in_a_file_give_features_and_statistics(tmp_path: Path) -> None:
    np.savez(tmp_path / "x_kid.npz", feats=FEATURES.astype(np.float32))
    read = load_reference(tmp_path / "x_kid.npz")
    assert read.features is not None and (read.n, read.dimension) == (40, 5)
    assert np.allclose(read.statistics.covariance, KNOWN.covariance, rtol=1e-5)


GOOD: dict[str, Any] = {"mean": np.zeros(3), "covariance": np.eye(3), "n": np.array(9)}
DAMAGED: dict[str, dict[str, Any]] = {
    "no covariance": {"covariance": None},
    "another shape": {"covariance": np.eye(4)},
    "one sample": {"n": np.array(1)},
    "not a number": {"mean": np.full(3, np.nan)},
    "not symmetric": {"covariance": np.eye(3) + np.triu(np.ones((3, 3)), 1)},
    "a variance below zero": {"covariance": np.diag([1.0, 1.0, -1.0])},
    "an eigenvalue below zero": {"covariance": np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]])},
    "endless samples": {"n": np.array(np.inf)},
    "whole words": {"mean": np.array([True, False, True])},
    "one picture": {"mean": None, "covariance": None, "features": np.zeros((1, 3))},
    "nothing": {"mean": None, "covariance": None, "n": None, "else": np.zeros(2)},
}


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_statistics_is_refused(tmp_path: Path, name: str, ending: str) -> None:
    arrays = {key: value for key, value in {**GOOD, **DAMAGED[name]}.items() if value is not None}
    path = tmp_path / f"file.{ending}"
    if ending == "npz":
        np.savez(path, **arrays)
    else:
        save_file(arrays, path)
    with pytest.raises(MissingError, match="no reference statistics"):
        load_reference(path)


class Trap:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["stat-fid-2048.pt", "file.npz", "file.pkl"])
def test_no_pickle_is_ever_read(tmp_path: Path, name: str) -> None:
    """torch-fidelity's cache is one; and an npz of Python objects has them inside."""
    mark, path = tmp_path / "mark", tmp_path / name
    if name.endswith(".npz"):
        objects = np.empty(1, dtype=object)
        objects[0] = Trap(mark)
        np.savez(path, mu=objects, sigma=KNOWN.covariance)
    else:
        path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(MissingError, match=r"pickle|Python objects"):
        load_reference(path)
    assert not mark.exists()


def test_a_file_that_promises_more_than_it_holds(tmp_path: Path) -> None:
    """An npy header of a terabyte must not be believed."""
    whole = io.BytesIO()
    np.lib.format.write_array_header_1_0(whole, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("mu.npy", whole.getvalue())
        archive.writestr("sigma.npy", whole.getvalue())
    with pytest.raises(MissingError, match="shorter than it says"):
        load_reference(tmp_path / "bomb.npz")


def test_what_unfolds_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "zeros.npz", feats=np.zeros((1000, 100)))
    monkeypatch.setattr(statistics_file, "LARGEST_BYTES", 500_000)
    assert (tmp_path / "zeros.npz").stat().st_size < 500_000
    with pytest.raises(MissingError, match="unfolds to more"):
        load_reference(tmp_path / "zeros.npz")


@pytest.mark.parametrize("name", ["absent.npz", "text.npz", "text.safetensors", "text.txt"])
def test_a_file_that_is_something_else(tmp_path: Path, name: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_text("these are no tensors, but they are long enough to be read as a header")
    with pytest.raises(MissingError, match="no reference statistics"):
        load_reference(tmp_path / name)


def test_what_would_take_too_much_in_double_precision_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of bytes is an eighth of what it becomes; what else stands in it does not count."""
    save_file({"feats": np.zeros((1000, 100), np.uint8)}, tmp_path / "bytes.safetensors")
    np.savez(tmp_path / "beside.npz", mu=KNOWN.mean, sigma=KNOWN.covariance, else_=np.zeros(100_000))
    monkeypatch.setattr(statistics_file, "LARGEST_BYTES", 500_000)
    assert (tmp_path / "bytes.safetensors").stat().st_size < 500_000 < (tmp_path / "beside.npz").stat().st_size
    with pytest.raises(MissingError, match="unfolds to more"):
        load_reference(tmp_path / "bytes.safetensors")
    assert load_reference(tmp_path / "beside.npz").dimension == 5


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_too_many_features_are_not_read(tmp_path: Path, ending: str) -> None:
    features, path = np.zeros((2, 16_385), np.float32), tmp_path / f"wide.{ending}"
    np.savez(path, feats=features) if ending == "npz" else save_file({"feats": features}, path)
    with pytest.raises(MissingError, match="more than 16,384 features"):
        load_reference(path)


@pytest.mark.parametrize("how", ["deflated", "lzma", "encrypted", "unknown"])
def test_a_damaged_archive_is_told(tmp_path: Path, how: str) -> None:
    """Each fails in another way within Python's zipfile."""
    path, npy = tmp_path / "damaged.npz", io.BytesIO()
    np.save(npy, FEATURES)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA if how == "lzma" else zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feats.npy", npy.getvalue())
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    if how == "encrypted":
        data[6] |= 1
        data[central + 8] |= 1
    elif how == "unknown":
        data[8] = data[central + 10] = 97
    else:
        data[48:120] = bytes(72) if how == "lzma" else b"\xff" * 72
    path.write_bytes(data)
    with pytest.raises(MissingError, match="no reference statistics"):
        load_reference(path)


def test_single_precision_of_few_pictures_is_no_damage(tmp_path: Path) -> None:
    """Eigenvalues that are zero come out a little below it."""
    few = np.random.default_rng(1).normal(size=(10, 300)) * np.geomspace(1e-3, 1e3, 300)
    known = statistics_of(few)
    np.savez(tmp_path / "few.npz", mu=known.mean.astype(np.float32), sigma=known.covariance.astype(np.float32))
    assert np.linalg.eigvalsh(known.covariance.astype(np.float32)).min() < 0
    assert load_reference(tmp_path / "few.npz").dimension == 300

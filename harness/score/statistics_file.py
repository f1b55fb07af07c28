"""Statistics or features of a reference set, read from a file as data: never a pickle, bounded, finite. No torch.

Read are a safetensors or npz file with

- ``mean``, ``covariance`` and ``n``: this project's;
- ``mu`` and ``sigma``: clean-fid's ``.npz``, and what torch-fidelity and pytorch-fid call them;
- ``feats`` or ``features`` (n, d): clean-fid's ``…_kid.npz``.

torch-fidelity's own cache is a pickle (``torch.save`` of a dictionary with ``mu`` and ``sigma``): it is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from harness.errors import MissingError
from harness.score.frechet import Statistics
from harness.score.reference_set import MOST_PICTURES, Reference

SHIPPED = "reference_statistics.safetensors"  # beside an extractor's weights
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")
LARGEST_BYTES = 2_000_000_000
_EXPECTED = (
    "a .safetensors or .npz file with mean, covariance and n, with mu and sigma (clean-fid), or with feats (n, d)"
)
_CONVERT = (
    "if you trust it, convert it once, by hand: "
    '`s = torch.load(FILE, weights_only=False); numpy.savez("reference.npz", mu=s["mu"], sigma=s["sigma"])`'
)
_WANTED = (("mean", "covariance"), ("mu", "sigma"))
_FEATURES = ("feats", "features")
_ASYMMETRY = 1e-5  # of the largest variance: single precision's rounding is no damage

Array = NDArray[np.float64]


def load_reference(path: Path) -> Reference:
    """The statistics or features of a file.

    Raises:
        MissingError: the file is missing, a pickle, too large, damaged, or something else.
    """
    if path.suffix.lower() in PICKLES:
        raise MissingError(
            f"{path} is a pickle (torch-fidelity's cache is one), and reading one runs whatever code is in it.",
            expected=_EXPECTED,
            do=_CONVERT,
        )
    read = _READERS.get(path.suffix.lower())
    try:
        if read is None:
            raise ValueError(f"a name that ends in {path.suffix or 'nothing'}")
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"larger than {LARGEST_BYTES // 10**9} GB")
        return reference_of(*read(path.read_bytes()), name=path.name)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        told = error.args[0] if isinstance(error, ValueError) and error.args else f"{type(error).__name__}: {error}"
        raise MissingError(
            f"{path} holds no reference statistics ({told}).",
            expected=_EXPECTED,
            do="name another file, or a folder of reference pictures",
        ) from error


def reference_of(arrays: dict[str, NDArray[Any]], about: dict[str, str], *, name: str = "") -> Reference:
    """What the arrays of a file say.

    Raises:
        ValueError: they are no statistics and no features, or not of one shape, or not finite.
    """
    about = about or {"of": name}
    features = next((arrays[key] for key in _FEATURES if key in arrays), None)
    if features is not None:
        return Reference(about, _digest(_checked_features(features)), features=features)
    pair = next((pair for pair in _WANTED if all(key in arrays for key in pair)), None)
    if pair is None:
        raise ValueError(f"it holds {', '.join(sorted(arrays)[:8]) or 'nothing'}")
    known = _checked(arrays[pair[0]], arrays[pair[1]], arrays.get("n"))
    return Reference(about, _digest(known.mean, known.covariance), known=known)


def reference_bytes(reference: Reference) -> bytes:
    """The statistics of ``reference`` as a safetensors file that ``load_reference`` reads."""
    known = reference.statistics
    tensors = {"mean": known.mean, "covariance": known.covariance}
    tensors |= {} if known.n is None else {"n": np.array(known.n, dtype=np.int64)}
    return bytes(save({name: np.ascontiguousarray(t) for name, t in tensors.items()}, metadata=reference.about))


def _checked_features(features: NDArray[Any]) -> NDArray[Any]:
    _refuse_odd(features)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features of shape {features.shape}, where (n, d) with n of at least 2 was expected")
    if len(features) > MOST_PICTURES:
        raise ValueError(f"features of {len(features):,} pictures, and at most {MOST_PICTURES:,} are read")
    return features


def _checked(mean: NDArray[Any], covariance: NDArray[Any], n: NDArray[Any] | None) -> Statistics:
    _refuse_odd(mean)
    _refuse_odd(covariance)
    count = None if n is None else int(n.item())
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)) or (count is not None and count < 2):
        raise ValueError(f"mean {mean.shape}, covariance {covariance.shape} and n = {count} do not go together")
    mean, covariance = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    variances = np.diagonal(covariance)
    largest = float(np.max(variances, initial=0.0))
    if float(np.abs(covariance - covariance.T).max()) > _ASYMMETRY * largest or float(variances.min()) < 0:
        raise ValueError("a covariance that is not symmetric, or has a variance below zero")
    return Statistics(mean, (covariance + covariance.T) / 2, count)


def _refuse_odd(values: NDArray[Any]) -> None:
    if values.dtype.kind not in "fiu" or values.size == 0:
        raise ValueError(f"an array of {values.dtype} and {values.size} values, where numbers were expected")
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite numbers")


def _digest(*arrays: NDArray[Any]) -> str:
    """Of values, whatever file they stand in."""
    total = hashlib.sha256()
    for values in arrays:
        total.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return total.hexdigest()


def _safetensors(data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """A safetensors file begins with the length of its JSON header, which holds the metadata."""
    arrays = dict(load(data))
    length = int.from_bytes(data[:8], "little")
    return arrays, dict(json.loads(data[8 : 8 + length]).get("__metadata__", {}))


def _npz(data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a ZIP of npy files; what it would unfold to is known before anything is unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        known = {*(key for pair in _WANTED for key in pair), *_FEATURES, "n"}
        wanted = [one for one in archive.infolist() if one.filename.removesuffix(".npy") in known]
        if sum(one.file_size for one in wanted) > LARGEST_BYTES:
            raise ValueError(f"it unfolds to more than {LARGEST_BYTES // 10**9} GB")
        return {one.filename.removesuffix(".npy"): _npy(archive.read(one)) for one in wanted}, {}


def _npy(data: bytes) -> NDArray[Any]:
    """One array; its header must not promise more than there is, nor Python objects."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if header is None:
        raise ValueError(f"an npy array of version {version}")
    shape, _, dtype = header(stream)
    if dtype.hasobject or int(np.prod(shape, dtype=object)) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError("an array of Python objects, or one that is shorter than it says")
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


_READERS: dict[str, Callable[[bytes], tuple[dict[str, NDArray[Any]], dict[str, str]]]] = {
    ".safetensors": _safetensors,
    ".npz": _npz,
}

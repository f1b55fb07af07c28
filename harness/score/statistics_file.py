"""Statistics or features of a reference set, read from a file as data: never a pickle, bounded, finite. No torch.

Read are a safetensors or npz file with

- ``mean``, ``covariance`` and ``n``: this project's;
- ``mu`` and ``sigma``: clean-fid's ``.npz``, and what torch-fidelity and pytorch-fid call them;
- ``feats`` or ``features`` (n, d): clean-fid's ``…_kid.npz``.

torch-fidelity's own cache is a pickle (``torch.save`` of a dictionary with ``mu`` and ``sigma``): it is refused.

Numbers of another network or another resize cannot be compared: this project's files say in their metadata which these
were (``weights_sha256``, ``resize``), and the others' do not.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from harness.errors import MissingError
from harness.score.frechet import Statistics
from harness.score.reference_set import MADE_WITH, MOST_PICTURES, Reference
from harness.spec.reference_sets import CONVERT_PICKLE, PICKLES

LARGEST_BYTES = 2_200_000_000  # that its numbers take in double precision, or unfolded
MOST_FEATURES = 16_384
_EXPECTED = (
    "a .safetensors or .npz file with mean, covariance and n, with mu and sigma (clean-fid), or with feats (n, d)"
)
_WANTED = (("mean", "covariance"), ("mu", "sigma"))
_FEATURES = ("feats", "features")
_KNOWN = frozenset({*(key for pair in _WANTED for key in pair), *_FEATURES, "n"})
_ASYMMETRY = 1e-5  # of the largest variance: single precision's rounding is no damage
_BELOW_ZERO = 1e-5  # of the sum of all variances: likewise, of an eigenvalue
_DAMAGED = (
    OSError, SafetensorError, KeyError, ValueError, TypeError, MemoryError, OverflowError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError,
)  # fmt: skip


def load_reference(path: Path) -> Reference:
    """The statistics or features of a file.

    Raises:
        MissingError: the file is missing, a pickle, too large, damaged, or something else.
    """
    if path.suffix.lower() in PICKLES:
        raise MissingError(
            f"{path} is a pickle (torch-fidelity's cache is one), and reading one runs whatever code is in it.",
            expected=_EXPECTED,
            do=CONVERT_PICKLE,
        )
    read = _READERS.get(path.suffix.lower())
    try:
        if read is None:
            raise ValueError(f"a name that ends in {path.suffix or 'nothing'}")
        return reference_of(*read(path), name=path.name)
    except _DAMAGED as error:
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
    made_with = {key: about[key] for key in MADE_WITH if key in about}
    about = {key: value for key, value in about.items() if key not in MADE_WITH} or {"of": name}
    features = next((arrays[key] for key in _FEATURES if key in arrays), None)
    if features is not None:
        digest = _digest(_checked_features(features))
        return Reference(about, digest, features=features, made_with=made_with)
    pair = next((pair for pair in _WANTED if all(key in arrays for key in pair)), None)
    if pair is None:
        raise ValueError(_holds(list(arrays)))
    known = _checked(arrays[pair[0]], arrays[pair[1]], arrays.get("n"))
    return Reference(about, _digest(known.mean, known.covariance), known=known, made_with=made_with)


def reference_bytes(reference: Reference, *, weights_sha256: str, resize: str) -> bytes:
    """The statistics of ``reference`` as a safetensors file that ``load_reference`` reads, with what made them."""
    known = reference.statistics
    tensors = {"mean": known.mean, "covariance": known.covariance}
    tensors |= {} if known.n is None else {"n": np.array(known.n, dtype=np.int64)}
    about = {**reference.about, "weights_sha256": weights_sha256, "resize": resize}
    return bytes(save({name: np.ascontiguousarray(t) for name, t in tensors.items()}, metadata=about))


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
    covariance = (covariance + covariance.T) / 2
    if not _could_be_one(covariance, _BELOW_ZERO * float(variances.sum())):
        raise ValueError("a covariance with an eigenvalue clearly below zero, which no pictures have")
    return Statistics(mean, covariance, count)


def _could_be_one(covariance: NDArray[np.float64], room: float) -> bool:
    """Whether no eigenvalue is below zero by more than ``room``."""
    if room == 0:
        return not covariance.any()
    try:
        np.linalg.cholesky(covariance + room * np.eye(len(covariance)))
    except np.linalg.LinAlgError:
        return False
    return True


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


def _refuse_large(shapes: Sequence[tuple[int, ...]]) -> None:
    """Before anything is unpacked: what the arrays would take when they are computed with."""
    if sum(8 * math.prod(shape) for shape in shapes) > LARGEST_BYTES:
        raise ValueError(f"it unfolds to more than {LARGEST_BYTES / 10**9:.1f} GB")
    if any(shape[-1] > MOST_FEATURES for shape in shapes if shape):
        raise ValueError(f"more than {MOST_FEATURES:,} features")


def _safetensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Only the arrays that are wanted; the header says how large they are."""
    with safe_open(path, framework="numpy") as opened:
        names = list(opened.keys())
        wanted = [name for name in names if name in _KNOWN]
        if not wanted:
            raise ValueError(_holds(names))
        _refuse_large([tuple(opened.get_slice(name).get_shape()) for name in wanted])
        return {name: opened.get_tensor(name) for name in wanted}, dict(opened.metadata() or {})


def _npz(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a ZIP of npy files; what it would unfold to is known before anything is unpacked."""
    with zipfile.ZipFile(path) as archive:
        wanted = [one for one in archive.infolist() if one.filename.removesuffix(".npy") in _KNOWN]
        if not wanted:
            raise ValueError(_holds(archive.namelist()))
        if sum(one.file_size for one in wanted) > LARGEST_BYTES:
            raise ValueError(f"it unfolds to more than {LARGEST_BYTES / 10**9:.1f} GB")
        _refuse_large([_shape(archive, one) for one in wanted])
        return {one.filename.removesuffix(".npy"): _npy(archive.read(one)) for one in wanted}, {}


def _shape(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> tuple[int, ...]:
    """Of an npy array by its header, which must not promise more than there is, nor Python objects."""
    with archive.open(one) as stream:
        version = np.lib.format.read_magic(stream)
        header = _HEADERS.get(version)
        if header is None:
            raise ValueError(f"an npy array of version {version}")
        shape, _, dtype = header(stream)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != one.file_size - stream.tell():
            raise ValueError("an array of Python objects, or one that is shorter than it says")
    return tuple(shape)


def _npy(data: bytes) -> NDArray[Any]:
    return np.asarray(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False))


def _holds(names: Sequence[str]) -> str:
    return f"it holds {', '.join(sorted(names)[:8]) or 'nothing'}"


_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_READERS: dict[str, Callable[[Path], tuple[dict[str, NDArray[Any]], dict[str, str]]]] = {
    ".safetensors": _safetensors,
    ".npz": _npz,
}

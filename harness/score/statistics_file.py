"""Reference statistics of a Fréchet distance: read from a file, or made from a folder of pictures once. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from harness.base import digest
from harness.errors import MissingError
from harness.score.frechet import Statistics, statistics_of
from harness.store.digests import digest_folder
from harness.store.store import Store

SHIPPED = "reference_statistics.safetensors"  # beside an extractor's weights
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True)
class Reference:
    """Statistics of a reference set, and what is known of the set."""

    statistics: Statistics
    made_by: dict[str, str]


def load_reference(path: Path) -> Reference:
    """Statistics from a safetensors file with ``mean`` (d,), ``covariance`` (d, d) and ``n``; its metadata say whose.

    Raises:
        MissingError: the file is missing, damaged, or something else.
    """
    try:
        return reference_from(path.read_bytes())
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise MissingError(
            f"{path} holds no reference statistics ({type(error).__name__}: {error}).",
            expected="a safetensors file with mean (d,), covariance (d, d) and n",
            do="name another file, or a folder of reference pictures",
        ) from error


def reference_from(data: bytes) -> Reference:
    """The same from bytes. Raises ``SafetensorError``, ``KeyError`` or ``ValueError``."""
    tensors = load(data)
    mean, covariance = (np.asarray(tensors[name], dtype=np.float64) for name in ("mean", "covariance"))
    count = int(tensors["n"].item())
    if covariance.shape != (len(mean), len(mean)) or count < 2:
        raise ValueError(f"mean {mean.shape}, covariance {covariance.shape} and n = {count} do not go together")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError("values that are not finite numbers")
    return Reference(Statistics(mean, covariance, count), _metadata(data))


def reference_bytes(reference: Reference) -> bytes:
    """``reference`` as ``reference_from`` reads it."""
    known = reference.statistics
    tensors = {"mean": known.mean, "covariance": known.covariance, "n": np.array(known.n, dtype=np.int64)}
    return bytes(save({name: np.ascontiguousarray(t) for name, t in tensors.items()}, metadata=reference.made_by))


def folder_reference(
    folder: Path, weights_digest: str, store: Store, extract: Callable[[list[Path]], NDArray[np.floating]]
) -> Reference:
    """Statistics of a folder's pictures, computed once for its content and these weights, and kept in the store.

    Args:
        folder: of pictures, searched below too.
        weights_digest: of the extractor.
        store: where the statistics are kept.
        extract: features (n, d) of picture files.

    Raises:
        MissingError: there is no folder, or fewer than two pictures are in it.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES) if folder.is_dir() else []
    if len(paths) < 2:
        raise MissingError(
            f"{folder} holds {len(paths)} pictures.", expected="a folder with at least two reference pictures"
        )
    key = digest(["reference", digest_folder(folder, store), weights_digest])
    if store.has("statistics", key):
        return reference_from(store.get("statistics", key))
    made_by = {"pictures": str(len(paths)), "of": folder.name, "digest": key}
    reference = Reference(statistics_of(extract(paths)), made_by)
    store.put("statistics", key, reference_bytes(reference))
    return reference


def _metadata(data: bytes) -> dict[str, str]:
    """A safetensors file begins with the length of its JSON header, which holds the metadata."""
    import json

    length = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + length]).get("__metadata__", {}))

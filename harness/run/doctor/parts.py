"""Which parts of the catalog's models, and which scorers' weights, are whole on this machine. Reads headers only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS
from harness.catalog.sizes import download_bytes
from harness.catalog.types import Place
from harness.catalog.weights import WEIGHTS
from harness.errors import HarnessError
from harness.pipelines.places import check_part, local_folder
from harness.run.doctor.hub import cache_folder
from harness.run.doctor.types import Part
from harness.run.wanted import Need, is_whole, snapshot_of

_LENGTH = 8  # bytes of a safetensors file that say how long its header is
_LONGEST_HEADER = 100 << 20


def parts() -> tuple[Part, ...]:
    """Every part of every model, then every scorer's weights."""
    cache = cache_folder()
    return tuple(_part(owner, need, cache) for owner, need in _needs())


def _needs() -> Iterator[tuple[str, Need]]:
    for model in MODELS.values():
        for name, place in model.parts.items():
            yield model.name, Need(name, place, name, model.version)
    for row in WEIGHTS.values():
        if row.place is not None:
            yield row.name, Need(row.kind.replace("_", " "), row.place)


def _part(owner: str, need: Need, cache: Path | None) -> Part:
    place = need.place
    folder = local_folder(place) or _snapshot(place, cache)
    reason = _reason(need, folder)
    return Part(
        what=need.what, owner=owner, kind=place.kind, where=place.where, here=reason is None, reason=reason,
        bytes=_bytes(folder) if folder is not None and folder.is_dir() else None,
        missing_bytes=None if reason is None else download_bytes(place), elsewhere=_elsewhere(need, cache),
    )  # fmt: skip


def _snapshot(place: Place, cache: Path | None) -> Path | None:
    """A repository's folder in a cache of the hub's; without its client none can be found."""
    if cache is None:
        return None
    try:
        return snapshot_of(place, cache)
    except OSError:
        return None


def _reason(need: Need, folder: Path | None) -> str | None:
    """Why a part cannot be loaded from here; ``None`` if it can."""
    if folder is None or not folder.is_dir():
        return "not on this machine"
    if need.place.kind == "hub" and not is_whole(folder, need):
        return "only partly on this machine"
    if need.place.kind != "hub" and need.part is not None and need.version is not None:
        try:
            check_part(folder, need.part, need.version)
        except HarnessError as error:
            return error.happened
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        return "without weights (*.safetensors)"
    return next((f"{path.relative_to(folder)} {fault}" for path in weights if (fault := torn(path))), None)


def torn(path: Path) -> str | None:
    """What is wrong with a safetensors file by its header and its length; ``None`` if they agree.

    It finds a download that was cut and a pointer that stands for a file; not a byte that changed.
    """
    try:
        size = path.stat().st_size
        wanted = _LENGTH + _promised(path, size)
    except OSError as error:
        return f"cannot be read ({os.strerror(error.errno or 0)})"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "is no safetensors file"
    return None if size == wanted else f"has {size:,} bytes, not the {wanted:,} that its header says"


def _promised(path: Path, size: int) -> int:
    """Bytes of the header and of the tensors that it lists."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if length > min(size, _LONGEST_HEADER):
            raise ValueError("no file has such a header")
        header: dict[str, Any] = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return length + max(ends, default=0)


def _elsewhere(need: Need, used: Path | None) -> str | None:
    """Another cache of the hub's that holds the part whole: where the client looks when ``HF_HOME`` is not set."""
    if need.place.kind != "hub" or used is None:
        return None
    for cache in _usual_caches():
        folder = _snapshot(need.place, cache) if cache.resolve() != used.resolve() else None
        if folder is not None and _reason(need, folder) is None:
            return str(cache)
    return None


def _usual_caches() -> list[Path]:
    roots = [os.environ.get("XDG_CACHE_HOME"), "~/.cache"]
    return [Path(root).expanduser() / "huggingface" / "hub" for root in roots if root]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

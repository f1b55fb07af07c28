"""Which code a plug-in's number was made by: a digest of its files, so that another version computes again."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from harness.base import digest
from harness.catalog.own_metrics import OwnMetric
from harness.store.digests import digest_file

_Mark = tuple[str, Path, int, int]  # its name in the package, where it is, bytes, time of change


def code_of(own: OwnMetric) -> str:
    """Digest of all files of a plug-in's top package, or of its only module: a table that it reads counts too."""
    top = importlib.util.find_spec(own.module.partition(".")[0])
    folders = [Path(place) for place in (top.submodule_search_locations or ())] if top is not None else []
    if folders:
        return _digest_of(tuple(sorted(mark for folder in folders for mark in _marks(folder))))
    return digest_file(Path(top.origin)) if top is not None and top.origin is not None else ""


def identity_of(own: OwnMetric) -> str:
    """What stands for its weights in a key: package, version, files, and the versions of what it requires."""
    return digest(["own", own.row.name, own.distribution, own.version, code_of(own), _required(own.distribution)])


def _marks(folder: Path) -> Iterable[_Mark]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder.parent)
        if path.is_file() and "__pycache__" not in name.parts and not any(part.startswith(".") for part in name.parts):
            about = path.stat()
            yield name.as_posix(), path, about.st_size, about.st_mtime_ns


@lru_cache(64)
def _digest_of(marks: tuple[_Mark, ...]) -> str:
    """Read once for as long as no size and no time changes: a plug-in may bring large files."""
    return digest([[name, digest_file(path)] for name, path, _, _ in marks])


def _required(distribution: str) -> dict[str, str | None]:
    """Package that the plug-in's says it requires, for any extra or system → its version here."""
    try:
        wanted = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    names = {found.group() for one in wanted if (found := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", one))}
    return {name: _version(name) for name in sorted(names)}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

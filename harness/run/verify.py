"""Files of a repository, and whether those on the disk are what they must be: size, SHA-256, or git's own checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True)
class File:
    """A file of a repository: its bytes, a large one's SHA-256, a small one's checksum in git; ``None``: unknown."""

    name: str  # relative to the repository, with slashes
    size: int | None
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Listing:
    """The files of a repository at a commit, and who says so."""

    commit: str
    files: tuple[File, ...]
    source: str

    def with_files(self, files: Sequence[File]) -> Listing:
        """The same for some of its files."""
        return replace(self, files=tuple(files))


def cached_listing(snapshot: Path) -> Listing:
    """What the hub's cache itself says of a folder in it: the blob behind each file is named by its checksum."""
    paths = sorted(path for path in snapshot.rglob("*") if path.is_file())
    files = [_cached(path, path.relative_to(snapshot).as_posix()) for path in paths]
    return Listing(snapshot.name, tuple(files), "the checksums in this machine's cache (the hub was not asked)")


def _cached(path: Path, name: str) -> File:
    blob = path.resolve().name if path.is_symlink() else ""
    return File(name, path.stat().st_size, blob if len(blob) == 64 else None, blob if len(blob) == 40 else None)


def damage(path: Path, file: File) -> str | None:
    """What is wrong with a file; ``None`` if it is as it must be, as far as that is known."""
    if not path.is_file():
        return "is not there"
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes, not {file.size}"
    if file.sha256 is not None:
        return None if _digest(path, hashlib.sha256()) == file.sha256 else "has another SHA-256"
    if file.git_sha1 is None:
        return None
    blob = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    return None if _digest(path, blob) == file.git_sha1 else "has another checksum"


def _digest(path: Path, state: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()

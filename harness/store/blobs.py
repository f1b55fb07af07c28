"""Results of stages under their keys, each with its digest, so that a damaged one is never read as good."""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from harness.errors import StoreError
from harness.store.atomic import TEMPORARY, disk_error, write_atomic

STAGES = (
    "inputs",
    "hints",
    "prior",
    "images",
    "features",
    "timing",
    "latents",
    "probe",
    "digest",
    "statistics",
    "noise",
)
QUARANTINE = ".damaged"
_KEY = re.compile(r"[0-9a-f]{64}")
_MAGIC = b"KHB1"
_HEADER = struct.Struct("<4sQ32s")  # magic, length of the content in bytes, SHA-256 of the content


class Blobs:
    """``<root>/<stage>/<first two letters>/<key>``: a header with the content's length and SHA-256, the content."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, stage: str, key: str) -> Path:
        """Where a result lies, whether or not it is there."""
        if stage not in STAGES or not _KEY.fullmatch(key):
            raise StoreError(f"{stage!r}/{key!r} is no place in a store.", expected=f"a stage of {STAGES} and a digest")
        return self.root / stage / key[:2] / key

    def has(self, stage: str, key: str) -> bool:
        """Whether a result is there and as long as it was written; a torn one is put aside and absent.

        The content's digest is verified when it is read: hashing every picture to count them would be slow.
        """
        path = self.path(stage, key)
        try:
            with path.open("rb") as file:
                header = file.read(_HEADER.size)
            size = path.stat().st_size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise disk_error(path, error, "read") from error
        if _length(header) == size - _HEADER.size:
            return True
        put_aside(path)
        return False

    def find(self, stage: str, key: str) -> bytes | None:
        """A result's content, or ``None`` if it is not there; a damaged one is put aside and is not there."""
        path = self.path(stage, key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(path, error, "read") from error
        if intact(data):
            return data[_HEADER.size :]
        put_aside(path)
        return None

    def get(self, stage: str, key: str) -> bytes:
        """A result's content.

        Raises:
            StoreError: it is not there, or it was damaged; a damaged one is put aside, so that it is made again.
        """
        found = self.find(stage, key)
        if found is not None:
            return found
        damaged = _aside(self.path(stage, key)).exists()
        raise StoreError(
            f"The stored {stage} result {key[:12]}… {'is damaged and was put aside' if damaged else 'is not there'}.",
            do="repeat the command: what is missing is made again; `harness store check` looks for more",
        )

    def put(self, stage: str, key: str, data: bytes) -> None:
        """Keep a result; writing the same key twice, even at once from two processes, is harmless."""
        header = _HEADER.pack(_MAGIC, len(data), hashlib.sha256(data).digest())
        write_atomic(self.path(stage, key), header + data)

    def all(self, stage: str) -> Iterator[Path]:
        """Every whole file of a stage."""
        for path in sorted((self.root / stage).glob("??/*")):
            if _KEY.fullmatch(path.name):
                yield path

    def damaged(self) -> Iterator[Path]:
        """Results that were put aside."""
        yield from sorted(self.root.glob(f"*/??/*{QUARANTINE}"))


def intact(data: bytes) -> bool:
    """Whether a file's content is what was written."""
    content = memoryview(data)[_HEADER.size :]
    if _length(data[: _HEADER.size]) != len(content):
        return False
    return bool(_HEADER.unpack_from(data)[2] == hashlib.sha256(content).digest())


def put_aside(path: Path) -> None:
    """Rename a damaged result, so that its place is free and it can be looked at."""
    with contextlib.suppress(OSError):
        path.rename(_aside(path))


def _aside(path: Path) -> Path:
    return path.with_name(path.name + QUARANTINE)


def leftovers(root: Path) -> list[Path]:
    """Temporary files below a store's folder: of writers under way, or of writers that died."""
    return sorted(path for path in root.rglob(f"{TEMPORARY}*") if path.is_file())


def _length(header: bytes) -> int | None:
    """The content's length, or ``None`` if this is no header of ours."""
    if len(header) != _HEADER.size:
        return None
    magic, length, _ = _HEADER.unpack(header)
    return int(length) if magic == _MAGIC else None

"""Results of stages under their keys, each with its digest, so that a damaged one is never read as good."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from harness.errors import StoreError
from harness.store.atomic import TEMPORARY, write_atomic

STAGES = ("prior", "images", "features", "timing", "probe", "digest", "statistics")
QUARANTINE = ".damaged"
_KEY = re.compile(r"[0-9a-f]{64}")
_MAGIC = b"KHB1"
_HEADER = len(_MAGIC) + 32


class Blobs:
    """``<root>/<stage>/<first two letters>/<key>``: four bytes of magic, SHA-256 of the content, the content."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, stage: str, key: str) -> Path:
        """Where a result lies, whether or not it is there."""
        if stage not in STAGES or not _KEY.fullmatch(key):
            raise StoreError(f"{stage!r}/{key!r} is no place in a store.", expected=f"a stage of {STAGES} and a digest")
        return self.root / stage / key[:2] / key

    def has(self, stage: str, key: str) -> bool:
        """Whether a result is there (its content is verified when it is read)."""
        return self.path(stage, key).is_file()

    def get(self, stage: str, key: str) -> bytes:
        """A result's content.

        Raises:
            StoreError: it is not there, or it was damaged; a damaged one is put aside, so that it is made again.
        """
        path = self.path(stage, key)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"The store has no {stage} result {key[:12]}….", do="run the spec again") from error
        if not intact(data):
            put_aside(path)
            raise StoreError(
                f"The stored {stage} result {key[:12]}… is damaged and was put aside.",
                do="repeat the command: it is made again; `harness store check` looks for more",
            )
        return data[_HEADER:]

    def put(self, stage: str, key: str, data: bytes) -> None:
        """Keep a result; writing the same key twice is harmless."""
        write_atomic(self.path(stage, key), _MAGIC + hashlib.sha256(data).digest() + data)

    def all(self, stage: str) -> Iterator[Path]:
        """Every whole file of a stage."""
        for path in sorted((self.root / stage).glob("??/*")):
            if _KEY.fullmatch(path.name):
                yield path

    def leftovers(self) -> Iterator[Path]:
        """Temporary files of writers that died, and damaged results put aside."""
        for path in sorted(self.root.glob("*/??/*")):
            if path.name.startswith(TEMPORARY) or path.name.endswith(QUARANTINE):
                yield path


def intact(data: bytes) -> bool:
    """Whether a file's content is what was written."""
    return data[:4] == _MAGIC and data[4:_HEADER] == hashlib.sha256(data[_HEADER:]).digest()


def put_aside(path: Path) -> None:
    """Rename a damaged result, so that its place is free and it can be looked at."""
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(path.name + QUARANTINE))

"""Files that a person asked for by an option: a place that cannot be written is blamed on that option."""

from __future__ import annotations

from pathlib import Path

from harness.errors import StoreError
from harness.store.atomic import write_atomic


def put(path: Path, data: bytes, option: str) -> None:
    """Write a file whole, or not at all.

    Args:
        path: where.
        data: what.
        option: what the person typed to name the place: "--junit".

    Raises:
        StoreError: it cannot be written; what was there before is untouched.
    """
    try:
        write_atomic(path, data)
    except StoreError as error:
        cause = error.__cause__
        why = (cause.strerror if isinstance(cause, OSError) else None) or error.happened
        raise StoreError(
            f"{path} cannot be written: {why}.",
            expected="a file in a folder that can be written, on a disk with room",
            do=f"name another place with {option}",
        ) from error

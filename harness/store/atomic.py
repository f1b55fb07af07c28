"""Files that are either whole or absent, and the one paragraph for a disk that says no."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path

from harness.errors import StoreError

TEMPORARY = ".part-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_KEPT = "everything stored so far is kept and used"


def write_atomic(path: Path, data: bytes) -> None:
    """Write under a temporary name beside ``path``, flush to the disk, rename.

    Raises:
        StoreError: the disk is full, read-only, forbidden or broken; what was there before is untouched.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")  # no ending: no listing takes it for a record
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise disk_error(path, error, "write") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def disk_error(path: Path, error: OSError, verb: str) -> StoreError:
    """What the disk refused, how much of it is free, and what mends it."""
    return StoreError(
        f"The store could not {verb} {path.name}: {os.strerror(error.errno or 0)} ({_free(path)} free).",
        expected=f"room and permission to {verb} below {path.parent}",
        do=f"{_advice(error.errno)}; then repeat the same command: {_KEPT}",
    )


def _advice(number: int | None) -> str:
    if number in _FULL:
        return "free space (`harness store gc`), or name a place on another disk with --store or HARNESS_STORE"
    if number in _FORBIDDEN:
        return "make the folder readable and writable, or name another place with --store or HARNESS_STORE"
    return "look at the disk, or name another place with --store or HARNESS_STORE"


def _free(path: Path) -> str:
    with contextlib.suppress(OSError):
        existing = next(parent for parent in path.absolute().parents if parent.exists())
        return f"{shutil.disk_usage(existing).free / 1e6:.0f} MB"
    return "an unknown amount"

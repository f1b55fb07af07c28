"""Files that are either whole or absent."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path

from harness.errors import StoreError

TEMPORARY = ".part-"
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)


def write_atomic(path: Path, data: bytes) -> None:
    """Write under a temporary name beside ``path``, flush to the disk, rename.

    Raises:
        StoreError: the disk is full, read-only or forbidden; what was there before is untouched.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}"[:200])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if error.errno in _DISK_ERRORS:
            raise _refused(path, error) from error
        raise


def _refused(path: Path, error: OSError) -> StoreError:
    free = "unknown"
    with contextlib.suppress(OSError):
        existing = next(parent for parent in path.absolute().parents if parent.exists())
        free = f"{shutil.disk_usage(existing).free / 1e6:.0f} MB"
    return StoreError(
        f"The store could not write {path.name}: {os.strerror(error.errno or 0)} ({free} free).",
        expected=f"room and permission to write below {path.parent}",
        do="free space (`harness store gc`), or name another place with --store or HARNESS_STORE; then repeat the same "
        "command: everything stored so far is kept and used",
    )

"""Locks between processes: ``flock`` on a file, freed by the kernel when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.errors import HarnessError
from harness.store.atomic import disk_error

_PATIENCE_S = 0.5  # outlasts a glance by `harness status`, which holds the lock for microseconds
_PAUSE_S = 0.05


@contextmanager
def hold(
    path: Path, busy: Callable[[str], HarnessError], *, shared: bool = False, wait_s: float = _PATIENCE_S
) -> Iterator[None]:
    """Hold the lock in ``path`` for this process.

    Args:
        path: the lock's file, made if need be; it stays.
        busy: given the holder's process id (or "unknown"), the error to raise.
        shared: beside others that share it, against one that wants it alone.
        wait_s: how long to try.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise disk_error(path, error, "write") from error
    with file:
        if not _take(file, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait_s):
            raise busy(_holder(file))
        if not shared:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds the lock in ``path`` alone."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _take(file: IO[str], path: Path, kind: int, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_PAUSE_S)
        except OSError as error:
            raise disk_error(path, error, "lock") from error
        else:
            return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "unknown"

"""The store's folder: whether a run could write there. Looking makes no store and leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.errors import HarnessError
from harness.plan.build import plan_file
from harness.run.doctor.hub import free_bytes
from harness.run.doctor.types import StoreRoom
from harness.store.atomic import TEMPORARY, disk_error
from harness.store.store import open_store

_ANOTHER = "name another place with --store or HARNESS_STORE"


def room(path: Path) -> StoreRoom:
    """The store in ``path``, or what keeps one from being there."""
    fault, do = _fault(path)
    least, free = quickstart_bytes(), free_bytes(path)
    if fault is None and least is not None and free is not None and free < least:
        fault, do = f"{free / 1e6:.1f} MB are free, and the quickstart takes {least / 1e6:.1f} MB", _ANOTHER
    size, runs, unread = _content(path) if (path / "store.json").is_file() else (None, None, None)
    return StoreRoom(
        path=str(path), exists=path.is_dir(), usable=fault is None, reason=fault or unread, do=do,
        free_bytes=free, least_bytes=least, bytes=size, runs=runs,
    )  # fmt: skip


def quickstart_bytes() -> int | None:
    """What the quickstart keeps, as its plan forecasts; ``None`` where it cannot be planned."""
    try:
        return plan_file("quickstart").forecast.disk_bytes
    except (HarnessError, OSError):
        return None


def _fault(path: Path) -> tuple[str | None, str]:
    """Why no run could keep its results there, and what to do."""
    try:
        if path.exists() and (not path.is_dir() or (path / "store.json").exists()):
            open_store(path, create=False)
        elif path.is_dir() and any(not one.name.startswith(TEMPORARY) for one in path.iterdir()):
            return f"{path} holds files, and no store", "name an empty or new folder with --store"
        _write(path)
    except HarnessError as error:
        return error.happened, error.do
    except OSError as error:
        return f"{path} cannot be read: {os.strerror(error.errno or 0)}", _ANOTHER
    return None, ""


def _write(path: Path) -> None:
    """Write a file there and where results and records go, or where the folder would be made; none stays.

    Raises:
        StoreError: the disk refused it.
    """
    root = path.absolute()
    existing = next(one for one in (root, *root.parents) if one.exists())
    for folder in (existing, *(below for name in ("stages", "runs") if (below := root / name).is_dir())):
        try:
            with tempfile.TemporaryFile(prefix=TEMPORARY, dir=folder) as file:
                file.write(b"\0")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(folder / "a file", error, "write") from error


def _content(path: Path) -> tuple[int | None, int | None, str | None]:
    """Bytes, runs, and why they are not known."""
    try:
        files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
        size = sum(file.lstat().st_size for file in files if file.exists())
        return size, len(open_store(path, create=False).run_ids()), None
    except (HarnessError, OSError) as error:
        return None, None, f"its size is not known: {error}"

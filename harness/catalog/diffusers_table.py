"""What planning must know of diffusers: a committed table, made by ``harness.pipelines.probe_catalog``.

Another installed version than the committed one's is looked at once, in a subprocess, and remembered.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import MissingError

TABLE = Path(__file__).parent / "generated" / "diffusers.json"
_PROBE = "harness.pipelines.probe_catalog"
TABLES = "HARNESS_TABLES"
_PATIENCE_S = 300

Table = dict[str, Any]


@cache
def table() -> Table:
    """``diffusers`` (version), ``schedulers`` and ``pipelines`` (class → keyword → default)."""
    return scheduler_table(cache_dir())


def scheduler_table(folder: Path) -> Table:
    """The installed diffusers' table: the committed one, the one remembered in ``folder``, or a new look.

    Without diffusers the committed one stands, so that planning works where nothing can run.

    Raises:
        MissingError: the installed diffusers cannot be looked at.
    """
    committed, installed = _read(TABLE), installed_version()
    if installed in (None, committed["diffusers"]):
        return committed
    remembered = folder / f"diffusers-{installed}-for-{__version__}.json"
    if not remembered.is_file():
        return _look(remembered)
    return _read(remembered)


def installed_version() -> str | None:
    """The installed diffusers' version."""
    try:
        return importlib.metadata.version("diffusers")
    except importlib.metadata.PackageNotFoundError:
        return None


def cache_dir() -> Path:
    """Where looks at other versions are remembered; an environment under test has a folder of its own (`TABLES`)."""
    if own := os.environ.get(TABLES):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kandinsky-harness"


def _read(path: Path) -> Table:
    content: Table = json.loads(path.read_text(encoding="utf-8"))
    return content


def _look(remembered: Path) -> Table:
    """Ask a subprocess; a folder that cannot be written to costs the memory, not the answer."""
    with tempfile.TemporaryDirectory() as scratch:
        found = Path(scratch) / "table.json"
        command = [sys.executable, "-W", "ignore", "-m", _PROBE, str(found)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        if done.returncode != 0:
            raise MissingError(
                f"The installed diffusers cannot be looked at: {(done.stderr.strip() or 'no reason given')[-300:]}",
                expected=f"a diffusers that imports, such as {_read(TABLE)['diffusers']}",
                do="reinstall diffusers, then try again",
            )
        text = found.read_text(encoding="utf-8")
    _remember(remembered, text)
    content: Table = json.loads(text)
    return content


def _remember(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)

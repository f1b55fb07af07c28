"""Whether an installed package is what its own record says, and what an import takes: files are edited by hand."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

EDITED, ELSEWHERE = "edited", "elsewhere"


def edited(package: importlib.metadata.Distribution) -> list[tuple[str, str]]:
    """The Python files that are not as they were installed, each with its digest, or "" where it is gone.

    Python files only: they are what is changed by hand, and the libraries beside them are gigabytes.
    """
    files = (file for file in package.files or () if file.suffix == ".py" and file.hash)
    return sorted((str(file), found) for file in files if (found := _other(file)) is not None)


def shadow(package: importlib.metadata.Distribution) -> Path | None:
    """The folder that an import takes instead of the installed one."""
    name = _imported_as(package)
    own = next((file for file in package.files or () if file.as_posix() == f"{name}/__init__.py"), None)
    spec = importlib.util.find_spec(name) if own is not None else None  # of a top package: nothing is imported
    if own is None or spec is None or spec.origin is None:
        return None
    found, installed = Path(spec.origin), Path(str(own.locate()))
    return None if found.resolve() == installed.resolve() else found.parent


def is_touched(identity: str | None) -> bool:
    """Whether a package's identity says that it is not as it was installed."""
    return any(f"+{word}." in (identity or "") for word in (EDITED, ELSEWHERE))


def _other(file: importlib.metadata.PackagePath) -> str | None:
    """The file's digest where it is another than the record's; "" where it is gone."""
    assert file.hash is not None
    try:
        found = hashlib.new(file.hash.mode, Path(str(file.locate())).read_bytes()).digest()
    except (OSError, ValueError):
        return ""
    word = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
    return None if word == file.hash.value else word


def _imported_as(package: importlib.metadata.Distribution) -> str:
    """A distribution may bring other folders too, such as its tests, which anybody's may shadow."""
    name = package.metadata["Name"].lower().replace("-", "_").replace(".", "_")
    return {"pillow": "PIL", "open_clip_torch": "open_clip"}.get(name, name)

"""Whether an installed package is what its own record says, and what an import takes: files are edited by hand."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from harness.base import digest

EDITED, ELSEWHERE = "edited", "elsewhere"
_SHORT = 16


def touched(package: importlib.metadata.Distribution) -> list[str]:
    """What is not as it was installed: ``edited.DIGEST`` of its own files, ``elsewhere.DIGEST`` of what shadows it.

    Python files only: they are what is changed by hand, and the libraries beside them are gigabytes.
    """
    files = [file for file in package.files or () if file.suffix == ".py"]
    edited = sorted((str(file), found) for file in files if file.hash and (found := _other(file)) is not None)
    shadows = sorted(_shadows(_imported_as(package), files))
    return [
        *([f"{EDITED}.{digest(edited)[:_SHORT]}"] if edited else []),
        *([f"{ELSEWHERE}.{digest(shadows)[:_SHORT]}"] if shadows else []),
    ]


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


def _shadows(name: str, files: list[importlib.metadata.PackagePath]) -> Iterator[tuple[str, str]]:
    """The files of a folder that is found before the installed one, each with its digest."""
    own = next((file for file in files if file.as_posix() == f"{name}/__init__.py"), None)
    spec = importlib.util.find_spec(name) if own is not None else None  # of a top package: nothing is imported
    if own is None or spec is None or spec.origin is None or _same(spec.origin, str(own.locate())):
        return
    folder = Path(spec.origin).parent
    for path in folder.rglob("*.py"):
        yield path.relative_to(folder.parent).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def _same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()

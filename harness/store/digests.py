"""Who made it: digests of files, of model folders and of our own source, and the builds of installed packages."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from harness.base import digest
from harness.store.installed_files import EDITED, ELSEWHERE, edited, shadow
from harness.store.store import Store

_CHUNK = 1 << 20
_SHORT = 16


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal characters."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def digest_folder(folder: Path, store: Store) -> str:
    """Digest of a model folder: names and contents of its files.

    It is remembered in the store for as long as every file's path, size and time of change stay the same, so that
    gigabytes are read once. A link counts as the file that it points to (the hub's cache is made of links); hidden
    files and folders (``.git``, ``.cache``) and what is written for people are not part of a model.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _counts(path.relative_to(folder)))
    marks = []
    for path in files:
        about = path.stat()
        marks.append([path.relative_to(folder).as_posix(), about.st_size, about.st_mtime_ns])
    remembered_as = digest(["folder", str(folder.resolve()), marks])
    remembered = store.find("digest", remembered_as)
    if remembered is not None:
        return remembered.decode()
    found = digest([[path.relative_to(folder).as_posix(), digest_file(path)] for path in files])
    store.put("digest", remembered_as, found.encode())
    return found


def digest_source(folders: Iterable[Path]) -> str:
    """Digest of the Python source in package folders: what our own code adds to a result's identity."""
    files = sorted(
        (path.relative_to(folder.parent).as_posix(), path) for folder in folders for path in _sources(folder)
    )
    return digest([[name, digest_file(path)] for name, path in files])


def _sources(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*.py") if not _hidden(path.relative_to(folder)))


def _counts(path: Path) -> bool:
    """Whether a file of a model's folder has a part in what the model does: prose has none."""
    return not _hidden(path) and path.suffix.lower() != ".md" and path.name != "card.json"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def package_identity(name: str) -> str | None:
    """An installed package's identity; ``None`` if it is not installed.

    From an index the version says it all, as long as the files are those that were installed. From a version control
    system it is ``version+commit``; from a folder that is imported in place ``version+commit`` and, where files were
    changed since, a digest of those; from any other place ``version+digest`` of the installed files' own digests
    (source: PEP 610, ``direct_url.json``). To each, ``edited.`` and a digest of the Python files that are not as they
    were installed, and ``elsewhere.`` with a digest of the source that an import would really take.
    """
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    return "+".join([package.version, *_build(package, origin), *_by_hand(package)])


def _build(package: importlib.metadata.Distribution, origin: dict[str, dict[str, object]]) -> list[str]:
    if not origin:
        return []
    if "vcs_info" in origin:
        return [str(origin["vcs_info"]["commit_id"])[:_SHORT]]
    if origin.get("dir_info", {}).get("editable"):
        return _in_place(Path(url2pathname(urlparse(str(origin["url"])).path)))
    return [digest(package.read_text("RECORD") or "")[:_SHORT]]


def _by_hand(package: importlib.metadata.Distribution) -> list[str]:
    files, folder = edited(package), shadow(package)
    return [
        *([f"{EDITED}.{digest(files)[:_SHORT]}"] if files else []),
        *([f"{ELSEWHERE}.{digest_source([folder])[:_SHORT]}"] if folder is not None else []),
    ]


def _in_place(folder: Path) -> list[str]:
    """Commit and changes of a working tree; without git the digest of its source."""
    commit, changed = (
        _git(folder, "rev-parse", "HEAD"),
        _git(folder, "status", "--porcelain", "-z", "--no-renames", "."),
    )
    if commit is None or changed is None:
        return [digest_source([folder])[:_SHORT]]
    top = Path((_git(folder, "rev-parse", "--show-toplevel") or str(folder)).strip())
    names = sorted(entry[3:] for entry in changed.split("\0") if entry)
    return [commit.strip()[:_SHORT], *([_changes(top, names)] if names else [])]


def _changes(top: Path, names: list[str]) -> str:
    """Digest of changed files; one that is gone, or a new folder, counts by its name and what is in it."""
    found: list[list[str]] = []
    for name in names:
        path = top / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [[file.relative_to(top).as_posix(), digest_file(file) if file.is_file() else ""] for file in files]
    return digest(found)[:_SHORT]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers about a folder, or ``None`` where there is no git or no repository."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None

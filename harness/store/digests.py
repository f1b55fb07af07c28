"""Who made it: digests of files, model folders, our own source, and the identity of installed packages."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from harness.base import digest
from harness.store.store import Store

_CHUNK = 1 << 20


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def digest_folder(folder: Path, store: Store) -> str:
    """Digest of a folder's files, names and contents; remembered as long as paths, sizes and times stay the same."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    marks = [(p.relative_to(folder).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    memory = digest(["folder", str(folder.resolve()), marks])
    if store.has("digest", memory):
        return store.get("digest", memory).decode()
    content = [(path.relative_to(folder).as_posix(), digest_file(path)) for path in files]
    found = digest(content)
    store.put("digest", memory, found.encode())
    return found


def digest_source(folders: Iterable[Path]) -> str:
    """Digest of the Python source in folders: what our own code adds to a result's identity."""
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return digest([(path.parent.name, path.name, digest_file(path)) for path in files])


def package_identity(name: str) -> str | None:
    """An installed package's version; for an editable or source install its digest too; ``None`` if it is not there."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    if "vcs_info" in origin:
        return f"{package.version}+{origin['vcs_info']['commit_id']}"
    if origin.get("dir_info", {}).get("editable"):
        folder = Path(url2pathname(urlparse(origin["url"]).path))
        return f"{package.version}+{digest_source([folder])[:16]}"
    return package.version

"""A hub on this machine: as much of its API as the hub's client needs, over a folder of repositories, with faults."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = (".safetensors", ".bin", ".model")  # what the hub keeps with Git LFS


@dataclass
class Hub:
    """Repositories below ``root`` (``owner/name/files``), all at one commit.

    ``cut``: file → how many bytes the first answer breaks off after. ``spoilt``: files that come with a wrong byte.
    ``served``: how often a file's content was asked for; ``ranges``: from which byte on.
    """

    root: Path
    address: str = ""
    cut: dict[str, int] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)
    served: Counter[str] = field(default_factory=Counter)
    ranges: list[tuple[str, int]] = field(default_factory=list)

    def files(self, repository: str) -> list[tuple[str, bytes]]:
        """Name and content of a repository's files."""
        folder = self.root / repository
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def sha256(content: bytes) -> str:
    """Of a file kept with Git LFS."""
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    """Of a file kept in git itself."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@contextmanager
def hub(root: Path) -> Iterator[Hub]:
    """Serve ``root`` while the block runs."""
    made = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": made}))
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/[^/]+)?", path):
            return self._json(self._info(found[1]), found[1])
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+(/.*)?", path):
            return self._json(self._tree(found[1]), found[1])
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            return self._file(found[1], found[2], body=body)
        return self._missing("RepoNotFound")

    def _info(self, repository: str) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for name, content in self.hub.files(repository):
            lfs = {"lfs": {"sha256": sha256(content), "size": len(content), "pointerSize": 130}}
            row = {"rfilename": name, "size": len(content), "blobId": git_sha1(content)}
            siblings.append(row | (lfs if name.endswith(_LARGE) else {}))
        return {"_id": "0", "id": repository, "modelId": repository, "sha": COMMIT, "private": False, "tags": [],
                "downloads": 0, "likes": 0, "siblings": siblings}  # fmt: skip

    def _tree(self, repository: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for name, content in self.hub.files(repository):
            lfs = {"lfs": {"oid": sha256(content), "size": len(content), "pointerSize": 130}}
            row = {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
            rows.append(row | (lfs if name.endswith(_LARGE) else {}))
        return rows

    def _json(self, content: Any, repository: str) -> None:
        if not self.hub.files(repository):
            return self._missing("RepoNotFound")
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        return None

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, repository: str, name: str, *, body: bool) -> None:
        content = dict(self.hub.files(repository)).get(name)
        if content is None:
            return self._missing("EntryNotFound")
        start = int((re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        self.send_response(206 if start else 200)
        etag = sha256(content) if name.endswith(_LARGE) else git_sha1(content)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        if name.endswith(_LARGE):
            self.send_header("X-Linked-ETag", f'"{etag}"')
            self.send_header("X-Linked-Size", str(len(content)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            self._body(f"{repository}/{name}", content, start)
        return None

    def _body(self, name: str, content: bytes, start: int) -> None:
        self.hub.served[name] += 1
        self.hub.ranges.append((name, start))
        if name in self.hub.spoilt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        stop = self.hub.cut.pop(name, None)
        self.wfile.write(content[start:stop])
        if stop is not None:
            self.close_connection = True

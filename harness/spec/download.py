"""Pictures from the web: fetched once, then read from the cache."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from harness import __version__
from harness.catalog.diffusers_table import cache_dir
from harness.errors import MissingError, UsageError

SCHEMES = ("http", "https")
_PATIENCE_S = 30
_CHUNK_BYTES = 1 << 20


def is_here(url: str) -> bool:
    """Whether an address was fetched before."""
    return _place(url).is_file()


def download(url: str, largest_bytes: int) -> bytes:
    """What stands at an address, from the cache where it was fetched before.

    Raises:
        MissingError: the address gives nothing.
        UsageError: it gives more than ``largest_bytes``.
    """
    remembered = _place(url)
    with suppress(OSError):
        return remembered.read_bytes()
    data = _fetch(url, largest_bytes)
    _remember(remembered, data)
    return data


def forget(url: str) -> None:
    """Fetch it anew the next time."""
    with suppress(OSError):
        _place(url).unlink()


def _place(url: str) -> Path:
    return cache_dir() / "pictures" / hashlib.sha256(url.encode()).hexdigest()


class _WebOnly(HTTPRedirectHandler):
    """Follows no redirection out of the web."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if urlsplit(newurl).scheme not in SCHEMES:
            raise ValueError(f"it sends on to {newurl[:60]!r}, which is no web address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str, largest_bytes: int) -> bytes:
    try:
        asked = Request(url, headers={"User-Agent": f"kandinsky-harness/{__version__}"})
        with build_opener(_WebOnly).open(asked, timeout=_PATIENCE_S) as answer:
            data: bytes = _up_to(answer, largest_bytes + 1)
    except (OSError, ValueError, HTTPException) as error:  # an HTTP error's status is an OSError here
        reason = str(getattr(error, "reason", "") or error or type(error).__name__).splitlines()[0][:200]
        raise MissingError(
            f"{url} gave no picture: {reason}.",
            expected="an address within reach; run this where there is a network, or name a file in its place",
            do="run this where there is a network, check the address, or bring the picture here and name its file",
        ) from error
    if len(data) > largest_bytes:
        raise UsageError(f"{url} gives more than {largest_bytes // 10**6} MB.", expected="one picture")
    return data


def _up_to(answer: Any, most: int) -> bytes:
    parts, got = [], 0
    while got < most and (part := answer.read(min(_CHUNK_BYTES, most - got))):
        parts.append(part)
        got += len(part)
    if got < most and getattr(answer, "length", None):
        raise OSError(f"it broke off after {got} bytes")
    return b"".join(parts)


def _remember(path: Path, data: bytes) -> None:
    """A cache that cannot be written to costs the memory, not the picture."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)

"""ZIP files as ours are: without compression, so that none unpacks to more than it is."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib

#: What reading a ZIP raises that was damaged, cut short, or made to be no ZIP; bz2 raises an OSError.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


def is_plain(archive: zipfile.ZipFile, size: int) -> bool:
    """Whether all entries are uncompressed and together no larger than the file, ``size`` bytes: no bomb is."""
    infos = archive.infolist()
    stored = all(info.compress_type == zipfile.ZIP_STORED for info in infos)
    return stored and sum(max(info.file_size, info.compress_size) for info in infos) <= size


def entry_sums(data: bytes) -> list[str] | None:
    """SHA-256 of each entry, in the file's order; ``None``: it cannot be read."""
    entries = plain_entries(data)
    return None if entries is None else [hashlib.sha256(content).hexdigest() for content in entries.values()]


def plain_entries(data: bytes) -> dict[str, bytes] | None:
    """Name -> content, in the file's order; ``None``: it is damaged, or not as ours are."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if is_plain(archive, len(data)):
                return {name: archive.read(name) for name in archive.namelist()}
    except UNREADABLE:
        return None
    return None

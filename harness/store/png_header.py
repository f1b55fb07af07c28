"""What a PNG's first bytes say of it, before anything of it is decoded."""

from __future__ import annotations

import struct

_PNG, _HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 24  # a PNG begins so, and its sides follow
_MOST_PIXELS = 2**26  # of one picture: what a spec's own inputs may have


def size_of(png: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG's header states; ``None``: it is no PNG."""
    if len(png) < _HEADER or not png.startswith(_PNG):
        return None
    width, height = struct.unpack(">II", png[len(_PNG) : _HEADER])
    return width, height


def is_small(png: bytes) -> bool:
    """Whether bytes are a PNG that may be decoded, by the size in its header."""
    size = size_of(png)
    return size is not None and size[0] * size[1] <= _MOST_PIXELS

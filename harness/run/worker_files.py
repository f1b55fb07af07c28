"""A batch's pictures as a worker stores and reads them: an uncompressed ZIP of PNGs. Without torch."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say: the same pictures give the same entries


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture (height, width, 3) as PNG: lossless, without time or text in it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def archive_bytes(pngs: Mapping[str, bytes], comment: Mapping[str, Any]) -> bytes:
    """Row id → PNG as a ZIP of ``<row id>.png``; ``comment`` is the archive's, as JSON."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for row_id, png in pngs.items():
            archive.writestr(zipfile.ZipInfo(f"{row_id}.png", _EPOCH), png)
        archive.comment = json.dumps(comment, sort_keys=True).encode()
    return buffer.getvalue()


def sha256(png: bytes) -> str:
    """Of a picture's PNG bytes."""
    return hashlib.sha256(png).hexdigest()


def pictures_of(data: bytes) -> dict[str, Image.Image]:
    """Row id → picture of a stored batch, in its order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name.removesuffix(".png"): Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            for name in archive.namelist()
        }


def largest_difference(
    pictures: NDArray[np.uint8], row_ids: Sequence[str], stored: Mapping[str, Image.Image]
) -> int | None:
    """Largest difference of any channel of any pixel, 0..255, over the rows that are stored; ``None`` if none is."""
    differences = [
        int(np.abs(picture.astype(np.int16) - np.asarray(stored[row_id], dtype=np.int16)).max())
        for picture, row_id in zip(pictures, row_ids, strict=True)
        if row_id in stored
    ]
    return max(differences, default=None)

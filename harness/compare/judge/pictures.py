"""Pictures for the page: their pixels alone, all in one format, within a stated size."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from harness.errors import UsageError
from harness.store.png_header import is_small, size_of

MOST_BYTES = 48 * 2**20  # of all pictures in the page, as base64


@dataclass(frozen=True)
class Format:
    """How every picture of a page is kept; ``side``: the longest, pixels."""

    kind: str
    side: int
    words: str

    def uri(self, png: bytes) -> str:
        """A picture as a data URI; nothing of the file but its pixels is kept.

        Raises:
            UsageError: it is no PNG, or states more pixels than any picture of a run has.
        """
        if not is_small(png):
            raise UsageError("A picture of the page is no PNG, or too large to be opened.", do="`harness store check`")
        with Image.open(io.BytesIO(png), formats=["PNG"]) as found, io.BytesIO() as out:
            image = found.convert("RGB")
            if max(image.size) > self.side:
                image.thumbnail((self.side, self.side), Image.Resampling.LANCZOS)
            bare = Image.frombytes("RGB", image.size, image.tobytes())
            bare.save(out, self.kind, **({"quality": 92, "method": 4} if self.kind == "WEBP" else {}))
            return f"data:image/{self.kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


FORMATS = (
    Format("PNG", 1024, "PNG without loss"),
    Format("WEBP", 1024, "WebP of quality 92, because without loss they are too many"),
    Format("WEBP", 512, "WebP of quality 92 and at most 512 pixels a side, because they are too many"),
)


@dataclass(frozen=True)
class Album:
    """All pictures of a page, each once, and how they were kept."""

    uris: tuple[str, ...]
    kept_as: str


def album(pngs: Sequence[bytes], *, most: int = MOST_BYTES) -> Album:
    """Encode all pictures alike, in the first format in which they fit.

    Raises:
        UsageError: they fit in none.
    """
    for form in FORMATS:
        uris: list[str] = []
        size = 0
        for png in pngs:
            uris.append(form.uri(png))
            size += len(uris[-1])
            if size > most:
                break
        else:
            shrunk = any(_longest(png) > form.side for png in pngs)
            note = f", scaled down to {form.side} pixels a side" if shrunk and form.side == 1024 else ""
            return Album(tuple(uris), form.words + note)
    raise UsageError(
        f"{len(pngs)} pictures do not fit into one page of {most / 2**20:.0f} MiB.",
        do="ask for fewer votes with --pairs",
    )


def _longest(png: bytes) -> int:
    return max(size_of(png) or (0, 0))

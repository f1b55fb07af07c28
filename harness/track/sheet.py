"""A cell's pictures on one sheet, its captions below them."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterator
from itertools import islice

from PIL import Image, ImageDraw, ImageFont

from harness.store.records import BatchRef, CellRecord
from harness.store.store import Store

TILE = 128  # pixels
_MOST = 64
_COLUMNS = 8
_GAP, _CAPTION = 8, 16
_MOST_BYTES = 64 * 2**20
_MOST_PIXELS = 8192 * 8192
_PAPER, _INK, _MISSING = (255, 255, 255), (60, 60, 60), (225, 225, 225)


def contact_sheet(store: Store, cell: CellRecord, captions: dict[str, str]) -> bytes | None:
    """A PNG of at most 64 of a cell's pictures, row by row; ``None`` if it has none.

    Args:
        store: where the pictures are.
        cell: whose pictures.
        captions: row id -> the line below its picture.
    """
    pictures = list(islice(_pictures(store, cell), _MOST))
    if not pictures:
        return None
    columns = min(_COLUMNS, math.ceil(math.sqrt(len(pictures))))
    lines = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * (TILE + _GAP) + _GAP, lines * (TILE + _CAPTION + _GAP) + _GAP), _PAPER)
    for place, (row_id, picture) in enumerate(pictures):
        corner = _GAP + place % columns * (TILE + _GAP), _GAP + place // columns * (TILE + _CAPTION + _GAP)
        _put(sheet, corner, picture, captions.get(row_id, row_id))
    with io.BytesIO() as out:
        sheet.save(out, "PNG")
        return out.getvalue()


def _pictures(store: Store, cell: CellRecord) -> Iterator[tuple[str, Image.Image | None]]:
    """Row ids with their pictures; ``None`` for one that is lost, damaged or too large."""
    for batch in cell.batches:
        yield from _batch(store, batch)


def _batch(store: Store, batch: BatchRef) -> Iterator[tuple[str, Image.Image | None]]:
    data = store.find("images", batch.key)
    if data is None:
        yield from ((row_id, None) for row_id in batch.rows)
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        known = {info.filename: info for info in archive.infolist() if info.file_size <= _MOST_BYTES}
        for row_id in batch.rows:
            info = known.get(batch.entry(archive.namelist(), row_id) or "")
            yield row_id, _tile(archive.read(info)) if info else None


def _tile(png: bytes) -> Image.Image | None:
    """The picture fitted into a tile; small ones are enlarged by whole pixels, so that they stay what they are."""
    if len(png) < 24 or math.prod(struct.unpack(">II", png[16:24])) > _MOST_PIXELS:  # asked before Pillow opens it
        return None
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            whole = picture.convert("RGB")
    except (OSError, SyntaxError):  # Pillow's words for "no picture" and "broken picture"
        return None
    factor = TILE // max(whole.size)
    if factor >= 1:
        return whole.resize((whole.width * factor, whole.height * factor), Image.Resampling.NEAREST)
    whole.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return whole


def _put(sheet: Image.Image, corner: tuple[int, int], picture: Image.Image | None, caption: str) -> None:
    pen = ImageDraw.Draw(sheet)
    if picture is None:
        pen.rectangle((*corner, corner[0] + TILE, corner[1] + TILE), fill=_MISSING)
    else:
        sheet.paste(picture, (corner[0] + (TILE - picture.width) // 2, corner[1] + (TILE - picture.height) // 2))
    font = ImageFont.load_default(10)
    while pen.textlength(caption, font) > TILE:
        caption = f"{caption[:-2].rstrip()}…"
    pen.text((corner[0], corner[1] + TILE + 2), caption, _INK, font)

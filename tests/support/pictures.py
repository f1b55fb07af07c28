"""Small pictures, and batches of them as the "images" stage keeps them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from PIL import Image, ImageDraw
from support.plans import COLOURS, SIZE

from harness.plan.types import InputRow


def picture(shape: str, colour: tuple[int, int, int], shade: int) -> bytes:
    """A small PNG, ``SIZE`` × ``SIZE`` pixels, of one shape on a grey of that shade."""
    image = Image.new("RGB", (SIZE, SIZE), (shade, shade, shade))
    pen, box = ImageDraw.Draw(image), (16, 16, 48, 48)
    if shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "circle":
        pen.ellipse(box, fill=colour)
    else:
        pen.regular_polygon((32, 32, 20), 3 if shape == "triangle" else 5, fill=colour)
    with io.BytesIO() as out:
        image.save(out, "PNG")
        return out.getvalue()


def pictures_zip(pictures: dict[str, bytes], origin: dict[str, Any]) -> bytes:
    """Pictures as the "images" stage keeps them: ``<row id>.png``, uncompressed, what made them in the comment."""
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for row_id, png in pictures.items():
                archive.writestr(zipfile.ZipInfo(f"{row_id}.png", (1980, 1, 1, 0, 0, 0)), png)
            archive.comment = json.dumps(origin, sort_keys=True).encode()
        return out.getvalue()


def draw(row: InputRow, place: int) -> bytes:
    """What the cell at ``place`` makes of a row: the caption's shape and colour, on a grey of the cell's own."""
    words = row.prompt.replace(",", "").split()
    return picture(words[2], COLOURS[words[1]], shade=120 + 10 * place + row.seed)

"""Pictures of a report as bytes."""

from __future__ import annotations

import io

from PIL import Image


def stacked(stills: list[Image.Image]) -> Image.Image:
    """Charts below each other, on white."""
    size = max(still.width for still in stills) + 40, sum(still.height + 40 for still in stills)
    paper, top = Image.new("RGB", size, "#ffffff"), 20
    for still in stills:
        paper.paste(still, (20, top), still)
        top += still.height + 40
    return paper


def chart_bytes(image: Image.Image) -> bytes:
    """PNG bytes of a chart, with a palette that holds every line's colour, however few its pixels are."""
    return png_bytes(image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE), None)


def png_bytes(image: Image.Image, colours: int | None) -> bytes:
    """PNG bytes, with a palette where smallness matters more than the last shade."""
    if colours is not None:
        image = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with io.BytesIO() as out:
        image.save(out, "PNG", optimize=True)
        return out.getvalue()

"""Flat pictures of text and images, written as SVG and turned into pixels by vl-convert with the fonts it carries.

Pillow's own face has neither Cyrillic nor a minus sign; the charts' face has both, and looks the same beside them.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field

import vl_convert
from markupsafe import escape
from PIL import Image

FONT = "Helvetica, Arial, sans-serif"
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NARROW, _WIDE = set("ijl.,:;'|!()[]{}Itfr ·/-"), set("mwMWШЩЖЮМФшщжюмф@%—")


@dataclass
class Drawing:
    """A white sheet of ``width`` by ``height`` pixels that text and pictures are put on."""

    width: int
    height: int
    _parts: list[str] = field(default_factory=list)

    def text(self, at: tuple[float, float], lines: list[str], size: float, fill: str, *, leading: float = 1.3) -> None:
        """Lines of text; ``at`` is the left end of the first baseline."""
        for number, line in enumerate(lines):
            y = at[1] + number * size * leading
            clean = escape(_NOT_XML.sub("", line))
            self._parts.append(f'<text x="{at[0]:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}">{clean}</text>')

    def middle(self, at: tuple[float, float], text: str, size: float, fill: str) -> None:
        """A line of text centred on a point."""
        self.text((at[0] - text_width(text, size) / 2, at[1] + 0.35 * size), [text], size, fill)

    def square(self, at: tuple[float, float], side: float, fill: str) -> None:
        """A filled square."""
        self._parts.append(f'<rect x="{at[0]:.1f}" y="{at[1]:.1f}" width="{side}" height="{side}" fill="{fill}"/>')

    def mark(self, at: tuple[float, float], size: float, path: str, fill: str, stroke: str, width: float = 0.0) -> None:
        """A symbol: an SVG path drawn in a square from -1 to 1, ``size`` pixels to a unit."""
        place = f"translate({at[0]:.1f} {at[1]:.1f}) scale({size})"
        line = f'stroke="{stroke}" stroke-width="{width / size if size else 0:.3f}"'
        self._parts.append(f'<path transform="{place}" d="{path}" fill="{fill}" {line}/>')

    def line(self, one: tuple[float, float], other: tuple[float, float], stroke: str, width: float, dash: str) -> None:
        """A straight line; ``dash`` as in SVG, "" for a whole one."""
        ends = f'x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"'
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<line {ends} stroke="{stroke}" stroke-width="{width}"{dashed}/>')

    def picture(self, at: tuple[float, float], size: tuple[float, float], image: Image.Image) -> None:
        """A picture, scaled into a box with its proportions kept."""
        with io.BytesIO() as out:
            image.save(out, "PNG", compress_level=1)
            data = base64.b64encode(out.getvalue()).decode()
        box = f'x="{at[0]:.1f}" y="{at[1]:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}"'
        self._parts.append(f'<image {box} href="data:image/png;base64,{data}"/>')

    def pixels(self) -> Image.Image:
        """The sheet as a picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" font-family="{FONT}">'
        )
        paper = f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>'
        png = vl_convert.svg_to_png("".join([head, paper, *self._parts, "</svg>"]), scale=1.0)
        with Image.open(io.BytesIO(png)) as image:
            return image.convert("RGB")


def text_width(text: str, size: float) -> float:
    """About how wide a text is in this face, in pixels; an eighth too much rather than too little."""
    return size * sum(0.33 if c in _NARROW else 0.9 if c in _WIDE else 0.7 if c.isupper() else 0.57 for c in text)


def wrap(text: str, size: float, width: float, lines: int) -> list[str]:
    """Text broken at spaces to fit ``width`` pixels, at most ``lines`` lines, the last cut with an ellipsis."""
    done = [""]
    for word in text.split():
        longer = f"{done[-1]} {word}".strip()
        if text_width(longer, size) <= width or not done[-1]:
            done[-1] = longer
        else:
            done.append(word)
    cut = [*done[: lines - 1], done[lines - 1] + " …"] if len(done) > lines else done
    return [_shortened(line, size, width) for line in cut]


def balanced(text: str, size: float, width: float, lines: int) -> list[str]:
    """As ``wrap``, with lines of about one length, so that no single word is left over."""
    best = wrap(text, size, width, lines)
    for share in (0.95, 0.9, 0.85, 0.8, 0.75, 0.7):
        narrower = wrap(text, size, share * width, lines)
        if len(narrower) > len(best):
            break
        best = narrower
    return best


def _shortened(line: str, size: float, width: float) -> str:
    """A line whose single word is too long loses its end."""
    while text_width(line, size) > 1.15 * width and len(line) > 4:
        line = line[: -max(2, len(line) // 10)].rstrip("…") + "…"
    return line

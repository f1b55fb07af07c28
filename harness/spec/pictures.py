"""Pictures, masks and depth maps as assets: the same source gives the same pixels, at planning and in a run."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from harness.base import digest
from harness.catalog.world import parse_caption
from harness.errors import HarnessError, MissingError, UsageError
from harness.spec.download import download, forget
from harness.spec.types import Asset

Source = dict[str, Any]
#: Without those that a program outside is asked to draw, such as EPS.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
WHITE_FROM = 128  # diffusers takes a mask's pixel as white from one half on
_LARGEST_BYTES = 100_000_000
_MOST_PIXELS = 64_000_000
_SIXTEEN_BITS = 65535
_GREY = ("1", "L", "LA")


@dataclass(frozen=True)
class Examined:
    """An asset, its size before any resizing (width, height), and its darkest and brightest value, of 255."""

    asset: Asset
    original: tuple[int, int]
    darkest: int
    brightest: int


def load_asset(source: Source) -> tuple[Asset, bytes]:
    """A picture made of its source, as an asset and as the bytes of a PNG.

    Args:
        source: where from: ``{"file": path}``, ``{"url": address}``, ``{"world": caption, "seed": n}`` or
            ``{"box": [left, top, right, bottom], "size": [width, height]}``; and what to do with it: ``as`` is
            ``"image"`` (RGB; transparency is dropped as PIL's ``convert`` does it, which keeps the colours beneath),
            ``"mask"`` (L, white is repainted) or ``"hint"`` (L of a grey picture, else RGB; of the world, its depth);
            ``resize`` is ``"WIDTHxHEIGHT"``, ``{"thumbnail": side}`` or ``{"crop": side}``; ``channel: "alpha"`` takes
            the transparent for white; ``invert: true`` exchanges black and white.

    Raises:
        MissingError: there is no such file, or the address gives nothing.
        UsageError: it is no picture that can be used.
    """
    image, _ = _made(source)
    png = io.BytesIO()
    image.save(png, "PNG")
    return _asset(image, source), png.getvalue()


def picture_of(source: Source) -> Image.Image:
    """The picture alone; arguments and errors as :func:`load_asset`."""
    return _made(source)[0]


def examine(source: Source) -> Examined:
    """What a row must know of a picture before it is used; arguments and errors as :func:`load_asset`."""
    image, original = _made(source)
    low, high = image.convert("L").getextrema()
    return Examined(_asset(image, source), original, int(low), int(high))  # type: ignore[arg-type]  # of L: two numbers


def pending(source: Source) -> Examined:
    """What stands for a picture that stays in the web for now; its key follows from its source alone."""
    asset = Asset(key=digest(["pending", source]), mode="RGB", width=0, height=0, source=source, pending=True)
    return Examined(asset, (0, 0), 0, 255)


def _asset(image: Image.Image, source: Source) -> Asset:
    head = f"{image.mode}:{image.width}x{image.height}:".encode()
    key = hashlib.sha256(head + image.tobytes()).hexdigest()
    mode: Any = image.mode
    return Asset(key=key, mode=mode, width=image.width, height=image.height, source=source)


def _made(source: Source) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, and its size before it was resized."""
    if "box" in source:
        image = _box(source)
    elif "world" in source:
        image = _world(source)
    else:
        image = _decoded(source)
    return _resized(image, source), image.size


def _box(source: Source) -> Image.Image:
    mask = Image.new("L", tuple(source["size"]), 0)
    mask.paste(255, tuple(source["box"]))
    return mask


def _world(source: Source) -> Image.Image:
    """A picture of the miniature's world, or the true depth of one, stretched to 0…255."""
    import numpy as np

    from harness.catalog.drawing import arrange, depth, paint

    scene = parse_caption(source["world"])
    if scene is None:
        raise UsageError(f"{source['world']!r} is no caption of the miniature's world.")
    if source.get("channel") == "alpha":
        raise _opaque("a picture of the world")
    layout = arrange([scene], np.random.default_rng(source.get("seed", 0)))
    if source["as"] != "hint":
        return Image.fromarray(paint(layout)[0])
    nearness = depth(layout)[0]
    low, high = nearness.min(), nearness.max()
    return Image.fromarray(np.rint((nearness - low) / (high - low) * 255).astype(np.uint8))


def _decoded(source: Source) -> Image.Image:
    if "file" in source:
        return _opened(_bytes(source["file"]), source, source["file"])
    url = source["url"]
    try:
        return _opened(download(url, _LARGEST_BYTES), source, url)
    except HarnessError:
        forget(url)  # such as a page in place of the picture: another time it may be there
        raise


def _opened(data: bytes, source: Source, name: str) -> Image.Image:
    with _reading(name), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise _too_large(name)
        # a telephone's JPEG may bring a second picture (MPO), such as its depth: the first is the picture
        if getattr(image, "is_animated", False) and image.format != "MPO":
            raise UsageError(f"{name} is animated, or has several pages.", expected="one still picture")
        image.load()
        return _converted(ImageOps.exif_transpose(image), source, name)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Inside, a picture is decoded; whatever is wrong with it becomes an error for people."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, on which no pixel depends; of a size bounded here
            yield
    except HarnessError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except UnidentifiedImageError as error:
        raise UsageError(f"{name} is no picture.", expected=f"one of {', '.join(FORMATS)}") from error
    except Exception as error:  # what a decoder meets in a broken file may be any error
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(
            f"{name} cannot be decoded: {reason}.",
            expected="a whole, undamaged picture",
            do="save it again, or fetch it anew",
        ) from error


def _too_large(name: str) -> UsageError:
    return UsageError(f"{name} has more than {_MOST_PIXELS // 10**6} megapixels.", expected="a smaller picture")


def _bytes(name: str) -> bytes:
    path = Path(name)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UsageError(f"{name} is no file.", expected="a picture's file; {folder: …} takes all of a folder")
        if size > _LARGEST_BYTES:
            raise UsageError(f"{name} is larger than {_LARGEST_BYTES // 10**6} MB.", expected="a smaller file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MissingError(
            f"{name} cannot be read: {reason}.", expected="a picture's file; relative paths start at the spec's folder"
        ) from error


def _converted(image: Image.Image, source: Source, name: str) -> Image.Image:
    if source.get("channel") == "alpha":
        if not image.has_transparency_data:
            raise _opaque(name)
        return ImageOps.invert(image.convert("RGBA").getchannel("A"))
    image = _eight_bits(image, name)
    if source["as"] == "mask":
        mask = image.convert("L")
        return ImageOps.invert(mask) if source.get("invert") else mask
    return image.convert("L" if source["as"] == "hint" and image.mode in _GREY else "RGB")


def _opaque(name: str) -> UsageError:
    return UsageError(
        f"{name} has no transparency that could be its mask.",
        expected="a picture with an alpha channel, transparent where it is to be repainted",
    )


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Sixteen bits brought to eight: PIL's own ``convert`` cuts off all that is brighter than 255."""
    if image.mode[0] not in "IF":
        return image
    low, high = image.getextrema()
    if image.mode == "F" or low < 0 or high > _SIXTEEN_BITS:  # type: ignore[operator]  # of one channel: two numbers
        raise UsageError(f"{name} has pixels of mode {image.mode}.", expected="8 or 16 bits a channel, such as a PNG")
    return image.convert("I").point(lambda value: value * (255 / _SIXTEEN_BITS) + 0.5).convert("L")


def _resized(image: Image.Image, source: Source) -> Image.Image:
    """As the source's rule says; a mask keeps its values (nearest), a picture is resampled as in diffusers' guide."""
    rule, mask = source.get("resize"), source["as"] == "mask"
    resample = Image.Resampling.NEAREST if mask else Image.Resampling.BICUBIC
    if rule is None:
        return image
    if isinstance(rule, str):
        width, height = map(int, rule.split("x"))
        return image.resize((width, height), resample)
    if "crop" in rule:
        return ImageOps.fit(image, (rule["crop"], rule["crop"]), resample)
    image = image.copy()
    image.thumbnail((rule["thumbnail"], rule["thumbnail"]), resample)
    return image

"""The cells that name pictures, masks, hints and mixes, brought from any of their forms to sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.world import parse_caption
from harness.spec.reader import Reader, is_number, nearest, shown
from harness.spec.resizing import NO_RULE, resize_rule
from harness.spec.tables import Line
from harness.spec.types import ESTIMATE

Source = dict[str, Any]
ALPHA = "alpha"  # a mask that is the image's own transparency
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm")
CAPTION = "a small red star on the left of a blue background"
_LARGEST_SEED = 2**63 - 1
_WORLD = re.compile(r"world:(?P<caption>[^#]*)(#(?P<seed>[0-9]{1,18}))?", re.DOTALL)
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)
_BESIDE: dict[str, tuple[str, ...]] = {
    "file": ("resize",),
    "folder": ("first", "resize"),
    "url": ("resize",),
    "world": ("seed", "resize"),
}  # a form's further keys
_EXAMPLES = {
    "file": "{file: star.png}",
    "folder": "{folder: stars, first: 8}",
    "url": "{url: https://…}",
    "world": f"{{world: {CAPTION}, seed: 3}}",
    "box": "{box: [left, top, right, bottom]}",
    "text": "{text: a cat}",
}


@dataclass(frozen=True)
class Cell:
    """One cell, and what notes its faults."""

    reader: Reader
    line: Line
    column: str
    allow_urls: bool = False

    def bad(self, happened: str, expected: str = "", guess: str | None = None, *, missing: bool = False) -> None:
        """Note a fault of the cell."""
        self.line.bad(self.reader, self.column, happened, expected, guess, missing=missing)


def images(cell: Cell, value: Any) -> tuple[Source, ...]:
    """The pictures that an ``image`` cell names: one, or those of a folder."""
    form = _form(cell, value, ("file", "folder", "url", "world"))
    if form is not None and "folder" in form:
        rule = _rule(cell, form)
        return tuple({"file": str(path), "as": "image", **rule} for path in _pictures_in(cell, form))
    source = _source(cell, form, "image")
    return () if source is None else (source,)


def mask(cell: Cell, value: Any) -> Source | str | None:
    """A ``mask`` cell's source, or ``"alpha"``."""
    if value == ALPHA:
        return ALPHA
    return _source(cell, _form(cell, value, ("file", "url", "box")), "mask")


def hint(cell: Cell, value: Any) -> Source | str | None:
    """A ``hint`` cell's source, or ``"estimate"``."""
    if value == ESTIMATE:
        return ESTIMATE
    return _source(cell, _form(cell, value, ("file", "url", "world")), "hint")


def mix(cell: Cell, value: Any) -> tuple[Source | str, ...]:
    """The things of a ``mix``: texts as they are, pictures as sources."""
    if not isinstance(value, list) or len(value) < 2:
        cell.bad(f"{shown(value)} is no mix", f"a list of at least two, such as [a cat, {_EXAMPLES['file']}]")
        return ()
    found = [_thing(cell, one) for one in value]
    return tuple(one for one in found if one is not None)


def weights(cell: Cell, value: Any, things: int) -> tuple[float, ...] | None:
    """A weight for each thing of the mix."""
    if not isinstance(value, list) or not all(is_number(one) and abs(one) <= 1e6 for one in value):
        cell.bad(f"{shown(value)} are no weights", "a list of numbers, such as [0.3, 0.7]")
    elif not things:
        cell.bad("there are weights and no mix", "a mix, or no weights")
    elif len(value) != things:
        cell.bad(f"there are {len(value)} weights for the {things} things of the mix", "a weight for each")
    else:
        return tuple(map(float, value))
    return None


def _thing(cell: Cell, value: Any) -> Source | str | None:
    """A text stands for itself, unless it is an address or ``world:…``."""
    if isinstance(value, str) and not _ADDRESS.fullmatch(value) and not value.startswith("world:"):
        if value.lower().endswith(PICTURE_SUFFIXES):
            cell.bad(f"{shown(value)} looks like a picture's file, and a bare text of a mix is a prompt",
                     f"{{file: {value}}}, or {{text: {value}}} if the words are meant")  # fmt: skip
            return None
        value = {"text": value}
    form = _form(cell, value, ("text", "file", "url", "world"))
    if form is None or "text" not in form:
        return _source(cell, form, "image")
    if isinstance(form["text"], str) and (form["text"].strip() or not form["text"]):
        return form["text"]
    cell.bad(f"{shown(form['text'])} is no text to mix", _EXAMPLES["text"])
    return None


def _form(cell: Cell, value: Any, forms: tuple[str, ...]) -> dict[str, Any] | None:
    """A cell's mapping with exactly one of the forms in it, and nothing that the form does not know."""
    given = _of_text(value) if isinstance(value, str) and value.strip() else value
    expected = " or ".join(_EXAMPLES[form] for form in forms)
    if not isinstance(given, dict):
        cell.bad(f"{shown(value)} is no {cell.column}", expected)
        return None
    named = [form for form in forms if form in given]
    if len(named) != 1:
        keys = [key for key in given if key not in forms]
        cell.bad(f"{shown(value)} is no {cell.column}", expected, nearest(keys[0], forms) if keys else None)
        return None
    known = (named[0], *_BESIDE.get(named[0], ()))
    for key in [key for key in given if key not in known]:
        cell.bad(f"unknown key {key!r} in {shown(value)}", _EXAMPLES[named[0]], nearest(key, known))
    return given if all(key in known for key in given) else None


def _of_text(text: str) -> dict[str, Any]:
    """A text form as a mapping: an address, ``world:CAPTION#SEED``, ``box:LEFT,TOP,RIGHT,BOTTOM`` or a path."""
    if _ADDRESS.fullmatch(text):
        return {"url": text}
    if found := _WORLD.fullmatch(text):
        seed = {} if found["seed"] is None else {"seed": int(found["seed"])}
        return {"world": found["caption"].strip(), **seed}
    if text.startswith("box:"):
        sides = [side.strip() for side in text[4:].split(",")]
        return {"box": [int(side) if re.fullmatch(r"[0-9]{1,9}", side) else side for side in sides]}
    return {"file": text}


def _source(cell: Cell, form: dict[str, Any] | None, use: str) -> Source | None:
    if form is None:
        return None
    parsed = next(parse(cell, form) for name, parse in _PARSERS.items() if name in form)
    return None if parsed is None else {**parsed, "as": use, **_rule(cell, form)}


def _rule(cell: Cell, form: dict[str, Any]) -> dict[str, Any]:
    """The picture's own rule for resizing, which comes before the spec's."""
    if "resize" not in form:
        return {}
    if cell.column in ("mask", "hint"):
        cell.bad(f"a {cell.column} has no `resize` of its own", "none: it is resized with its image")
    rule = resize_rule(form["resize"], cell.bad)
    return {"resize": NO_RULE if rule is None else rule}


def _file(cell: Cell, form: dict[str, Any]) -> Source | None:
    path = _path(cell, form["file"])
    return None if path is None else {"file": str(path)}


def _path(cell: Cell, text: Any) -> Path | None:
    """An absolute path; relative ones start at the spec's folder."""
    if not isinstance(text, str) or not text.strip():
        cell.bad(f"{shown(text)} is no path", "a path, relative to the spec's folder")
        return None
    try:
        return (cell.reader.base / cell.reader.path(text)).absolute()
    except FileNotFoundError:
        cell.bad(f"{text} cannot be read: there is no such home", "a file", missing=True)
        return None


def _url(cell: Cell, form: dict[str, Any]) -> Source | None:
    url = form["url"]
    if not isinstance(url, str) or not _ADDRESS.fullmatch(url):
        cell.bad(f"{shown(url)} is no address", "https://…")
    elif not cell.allow_urls:
        cell.bad(f"{shown(url)} stands in the web, which this spec does not allow", "`allow_urls: true`, or a file")
    else:
        return {"url": url}
    return None


def _world(cell: Cell, form: dict[str, Any]) -> Source | None:
    caption, seed = form["world"], form.get("seed", 0)
    if not isinstance(caption, str) or parse_caption(caption) is None:
        cell.bad(f"{shown(caption)} is no caption of the miniature's world", f"a caption such as {CAPTION!r}")
    elif not is_number(seed, whole=True) or not 0 <= seed <= _LARGEST_SEED:
        cell.bad(f"{shown(seed)} is no seed", "a whole number of at least 0")
    else:
        return {"world": caption.strip(), "seed": seed}
    return None


def _box(cell: Cell, form: dict[str, Any]) -> Source | None:
    box = form["box"]
    if isinstance(box, list) and len(box) == 4 and all(is_number(side, whole=True) and side >= 0 for side in box):
        left, top, right, bottom = box
        if left < right and top < bottom:
            return {"box": [left, top, right, bottom]}
    cell.bad(f"{shown(box)} is no box", "[left, top, right, bottom] in pixels, left < right and top < bottom")
    return None


_PARSERS: dict[str, Callable[[Cell, dict[str, Any]], Source | None]] = {
    "file": _file,
    "url": _url,
    "world": _world,
    "box": _box,
}


def _pictures_in(cell: Cell, form: dict[str, Any]) -> list[Path]:
    """The pictures of a folder by name, as many as are wanted."""
    folder, first = _path(cell, form["folder"]), form.get("first")
    if first is not None and (not is_number(first, whole=True) or first < 1):
        cell.bad(f"first: {shown(first)} will not do", "a whole number of at least 1")
        return []
    if folder is None:
        return []
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        cell.bad(f"{form['folder']} cannot be read: {reason}", f"a folder; relative paths start at {cell.reader.base}",
                 missing=True)  # fmt: skip
        return []
    if not found:
        cell.bad(f"{form['folder']} has no pictures in it", "names that end in " + ", ".join(PICTURE_SUFFIXES))
    elif first is not None and first > len(found):
        cell.bad(f"{form['folder']} has {len(found)} pictures, not {first}", f"at most {len(found)}")
    return found[:first]

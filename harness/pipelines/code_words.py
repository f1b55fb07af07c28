"""How things are written in Python that a person reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.catalog.types import Place
from harness.pipelines.places import local_folder


def quoted(value: Any) -> str:
    """A JSON string is a Python string, with the quotes that the guide uses; ``None`` stays ``None``."""
    return "None" if value is None else json.dumps(str(value), ensure_ascii=False)


def listed(words: Sequence[str]) -> str:
    """A list of what is already written, one a line where there are several."""
    return f"[{words[0]}]" if len(words) == 1 else "[\n" + "".join(f"    {word},\n" for word in words) + "]"


def packed(words: Sequence[str], width: int = 100) -> str:
    """The arguments of a call, as many on a line as it holds, indented."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word},"
    return "\n".join(f"    {line}" for line in lines)


def place_words(place: Place) -> str:
    """What ``from_pretrained`` is told of a place."""
    folder = local_folder(place)
    words = [quoted(place.where if folder is None else folder)]
    if place.kind == "hub" and place.revision is not None:
        words.append(f"revision={quoted(place.revision)}")
    if place.variant is not None:
        words.append(f"variant={quoted(place.variant)}")
    return ", ".join(words)

"""The key ``prompts``: texts in the spec, a file with a prompt a line, or a column of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.spec.reader import Reader, is_number, nearest, shown
from harness.spec.source import Path_
from harness.spec.tables import SUFFIXES, Line, file_lines, read_text

_KEYS = ("file", "column", "first")


def prompt_lines(reader: Reader, value: Any) -> list[Line]:
    """A line for each prompt; faults are noted and their prompts left out."""
    place: Path_ = ("prompts",)
    if isinstance(value, dict):
        return _from_file(reader, value, place)
    if isinstance(value, list) and not value:
        reader.bad(place, "the list is empty", "at least one prompt")
    found = []
    for here, text in [((*place, i), t) for i, t in enumerate(value)] if isinstance(value, list) else [(place, value)]:
        if isinstance(text, str) and (text.strip() or not text):
            found.append(Line({"prompt": text}, here))
        else:
            reader.bad(here, f"{shown(text)} is no prompt", 'a text; "" is the empty prompt')
    return found


def _from_file(reader: Reader, value: dict[str, Any], place: Path_) -> list[Line]:
    for key in value:
        if key not in _KEYS:
            reader.bad((*place, key), "unknown key", "file and, if wanted, column and first", nearest(key, _KEYS))
    if "file" not in value:
        reader.bad(place, "no file is named", "{file: prompts.txt, first: 32}")
        return []
    file = value["file"]
    if isinstance(file, str) and Path(file).suffix.lower() in SUFFIXES:
        found = _from_table(reader, value, place)
    else:
        found = _from_text(reader, file, (*place, "file"))
        if "column" in value:
            reader.bad((*place, "column"), f"{shown(file)} has no columns", f"a table: {', '.join(SUFFIXES)}")
    return found[: _first(reader, value, len(found), place)]


def _from_text(reader: Reader, file: Any, place: Path_) -> list[Line]:
    """A prompt a line; blank lines and those that begin with # are passed over."""
    text = read_text(reader, file, place)
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    found = [Line({"prompt": line}, place, f"{file}:{n}") for n, line in lines if line and not line.startswith("#")]
    if text and not found:
        reader.bad(place, f"{file} has no prompt in it", "a prompt on each line")
    return found


def _from_table(reader: Reader, value: dict[str, Any], place: Path_) -> list[Line]:
    """One column of a table, whatever others it has; a row without a prompt in it is a fault, unless it is cut off."""
    column = value.get("column", "prompt")
    if not isinstance(column, str) or not column:
        reader.bad((*place, "column"), f"{shown(column)} is no column", "a column's name, such as prompt")
        return []
    lines = file_lines(reader, value["file"], (*place, "file"), column)
    return [Line({"prompt": line.cells[column]} if column in line.cells else {}, line.place, line.where)
            for line in lines]  # fmt: skip


def _first(reader: Reader, value: dict[str, Any], there: int, place: Path_) -> int:
    first = value.get("first", there)
    if "first" in value and (not is_number(first, whole=True) or first < 1):
        reader.bad((*place, "first"), f"{shown(first)} will not do", "a whole number of at least 1")
        return there
    if first > there > 0:
        reader.bad((*place, "first"), f"the file has {there} prompts, not {first}", f"at most {there}")
    return int(first)

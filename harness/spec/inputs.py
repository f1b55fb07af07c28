"""Prompts and seeds as rows, each with an id that follows from its content."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from typing import Any

from harness.spec.reader import Reader, is_number, nearest, one_of, shown
from harness.spec.source import Path_
from harness.spec.types import InputRow

_COLUMNS = ("id", "prompt", "negative_prompt", "seed")
_LARGEST_BYTES = 50_000_000
_LARGEST_SEED = 2**63 - 1
_MOST_ROWS = 1_000_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_SEED = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Prompt:
    """One prompt, where it stands (for faults), and a seed of its own where a table gives it one."""

    id: str
    text: str
    negative: str | None
    seed: int | None
    place: Path_
    where: str = ""  # file and line, when it came from a file


def rows(reader: Reader, data: dict[str, Any]) -> tuple[InputRow, ...]:
    """The input rows that a spec asks for: prompt-major, then seed. Faults are noted and their rows left out."""
    negative = data.get("negative_prompt")
    if negative is not None and not isinstance(negative, str):
        reader.bad(("negative_prompt",), f"{shown(negative)} is no prompt", "a text")
        negative = None
    if "prompts" in data and "inputs" in data:
        reader.bad(("inputs",), "prompts are given twice", "either `prompts` or `inputs`")
    found: list[Prompt] = []
    if "prompts" in data:
        found += _prompts(reader, data["prompts"], negative)
    if "inputs" in data:
        found += _table(reader, data["inputs"], negative)
    seeds = _seeds(reader, data.get("seeds", [0]))
    asked = sum(len(seeds) if prompt.seed is None else 1 for prompt in found)
    if asked > _MOST_ROWS:
        reader.bad(("seeds",), f"{asked:,} images are asked for in every cell", f"at most {_MOST_ROWS:,}")
        return ()
    pairs = [(prompt, seed) for prompt in found for seed in (seeds if prompt.seed is None else [prompt.seed])]
    _refuse_twins(reader, pairs)
    return tuple(_row(prompt, seed) for prompt, seed in pairs)


def _row(prompt: Prompt, seed: int) -> InputRow:
    return InputRow(
        id=f"{prompt.id}-s{seed}", prompt_id=prompt.id, prompt=prompt.text, negative_prompt=prompt.negative, seed=seed
    )


def prompt_id(prompt: str, negative: str | None) -> str:
    """``p`` and ten hexadecimal digits of the texts' digest."""
    return "p" + hashlib.sha256(f"{prompt}\0{negative or ''}".encode()).hexdigest()[:10]


def _prompts(reader: Reader, value: Any, negative: str | None) -> list[Prompt]:
    place: Path_ = ("prompts",)
    if isinstance(value, dict):
        return _from_file(reader, value, place, negative)
    if isinstance(value, list) and not value:
        reader.bad(place, "the list is empty", "at least one prompt")
    found = []
    for here, text in [((*place, i), t) for i, t in enumerate(value)] if isinstance(value, list) else [(place, value)]:
        if isinstance(text, str) and text.strip():
            found.append(Prompt(prompt_id(text, negative), text, negative, None, here))
        else:
            reader.bad(here, f"{shown(text)} is no prompt", "a text")
    return found


def _from_file(reader: Reader, value: dict[str, Any], place: Path_, negative: str | None) -> list[Prompt]:
    """A prompt a line; blank lines and those that begin with # are passed over."""
    for key in value:
        if key not in ("file", "first"):
            reader.bad((*place, key), "unknown key", "file and, if wanted, first", nearest(key, ("file", "first")))
    if "file" not in value:
        reader.bad(place, "no file is named", "{file: prompts.txt, first: 32}")
        return []
    text, file = _read(reader, value["file"], (*place, "file")), value["file"]
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if text and not lines:
        reader.bad((*place, "file"), f"{file} has no prompt in it", "a prompt on each line")
    return [
        Prompt(prompt_id(line, negative), line, negative, None, (*place, "file"), f"{file}:{n}")
        for n, line in lines[: _first(reader, value, len(lines), place)]
    ]


def _first(reader: Reader, value: dict[str, Any], there: int, place: Path_) -> int:
    first = value.get("first", there)
    if "first" in value and (not is_number(first, whole=True) or first < 1):
        reader.bad((*place, "first"), f"{shown(first)} will not do", "a whole number of at least 1")
        return there
    if first > there > 0:
        reader.bad((*place, "first"), f"the file has {there} prompts, not {first}", f"at most {there}")
    return int(first)


def _read(reader: Reader, value: Any, place: Path_) -> str:
    """A file's text; empty after a fault."""
    if not isinstance(value, str) or not value.strip():
        reader.bad(place, f"{shown(value)} is no file name", "a path, relative to the spec's folder")
        return ""
    try:
        path = reader.base / reader.path(value)
        if path.stat().st_size > _LARGEST_BYTES:
            reader.bad(place, f"{value} is larger than {_LARGEST_BYTES // 10**6} MB", "a file of prompts")
            return ""
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        reader.bad(place, f"{value} is no UTF-8 text (byte {error.start})", "UTF-8")
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reader.source.fault(place, f"{value} cannot be read: {reason}",
                            expected=f"a file; relative paths start at {reader.base}", missing=True)  # fmt: skip
        return ""
    if not text.strip():
        reader.bad(place, f"{value} is empty", "at least one prompt")
        return ""
    return text


def _table(reader: Reader, value: Any, negative: str | None) -> list[Prompt]:
    place: Path_ = ("inputs",)
    text = _read(reader, value, place)
    if not text:
        return []
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: list[Prompt] = []
    try:
        columns = [name or "" for name in table.fieldnames or []]
        if not _columns_will_do(reader, columns, str(value), place):
            return []
        for row in table:
            entry = _entry(reader, row, f"{value}:{table.line_num}", negative)
            found += [entry] if entry else []
        if table.line_num <= 1:
            reader.bad(place, f"{value} has no rows", "a row for each prompt")
    except csv.Error as error:
        reader.bad(
            place, f"{value}:{table.line_num} cannot be read: {error}", "a table with commas between its columns"
        )
    return found


def _columns_will_do(reader: Reader, columns: list[str], name: str, place: Path_) -> bool:
    for column in columns:
        if column not in _COLUMNS:
            reader.bad(place, f"{name} has an unknown column {column!r}", one_of(_COLUMNS), nearest(column, _COLUMNS))
    if "prompt" not in columns:
        reader.bad(place, f"{name} has no column `prompt`", "columns " + ", ".join(_COLUMNS))
    return "prompt" in columns


def _entry(reader: Reader, row: dict[str, Any], where: str, negative: str | None) -> Prompt | None:
    place: Path_ = ("inputs",)
    if None in row:
        reader.bad(place, f"{where} has more fields than there are columns", "quotes around a text that holds a comma")
        return None
    prompt, own, seed, ident = ((row.get(name) or "").strip() for name in ("prompt", "negative_prompt", "seed", "id"))
    if not prompt:
        reader.bad(place, f"{where} has no prompt", "a text")
    elif seed and not _SEED.fullmatch(seed):
        reader.bad(place, f"{where}: seed {seed!r} is no whole number of at least 0")
    elif ident and not _ID.fullmatch(ident):
        reader.bad(place, f"{where}: id {ident!r} will not do", "letters, digits, '.', '_' and '-'")
    else:
        refused = own or negative
        return Prompt(ident or prompt_id(prompt, refused), prompt, refused, int(seed) if seed else None, place, where)
    return None


def _seeds(reader: Reader, value: Any) -> list[int]:
    place: Path_ = ("seeds",)
    if isinstance(value, list) and not value:
        reader.bad(place, "the list is empty", "at least one seed")
    found: dict[int, None] = {}
    for i, seed in enumerate(value if isinstance(value, list) else [value]):
        here = (*place, i) if isinstance(value, list) else place
        if not is_number(seed, whole=True) or not 0 <= seed <= _LARGEST_SEED:
            reader.bad(here, f"{shown(seed)} is no seed", "a whole number of at least 0")
        elif seed in found:
            reader.bad(here, f"{seed} stands in the list twice", "each seed once")
        else:
            found[seed] = None
    return list(found)


def _refuse_twins(reader: Reader, pairs: list[tuple[Prompt, int]]) -> None:
    """A row stands once, and an id means one prompt: comparisons are paired by them."""
    rows_seen: set[tuple[str, int]] = set()
    meaning: dict[str, tuple[str, str | None]] = {}
    told: set[tuple[Path_, str]] = set()
    for prompt, seed in pairs:
        where, here = (f"{prompt.where}: " if prompt.where else ""), (prompt.place, prompt.where)
        if meaning.setdefault(prompt.id, (prompt.text, prompt.negative)) != (prompt.text, prompt.negative):
            if here not in told:
                reader.bad(
                    prompt.place, f"{where}id {prompt.id!r} already means another prompt", "an id for each prompt"
                )
            told.add(here)
        elif (prompt.id, seed) in rows_seen and here not in told:
            reader.bad(prompt.place, f"{where}{shown(prompt.text)} stands there twice", "each prompt and seed once")
            told.add(here)
        rows_seen.add((prompt.id, seed))

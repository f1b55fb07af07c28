"""Prompts and seeds as rows, each with an id that follows from its content."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path
from typing import Any

from harness.spec.knobs import Reader, nearest, shown
from harness.spec.source import Path_
from harness.spec.types import InputRow

_COLUMNS = ("id", "prompt", "negative_prompt", "seed")
_LARGEST_BYTES = 50_000_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")

Prompt = tuple[str, str, str | None, int | None]  # id, prompt, negative prompt, seed of its own


def rows(reader: Reader, data: dict[str, Any]) -> tuple[InputRow, ...]:
    """The input rows that a spec asks for: prompt-major, then seed. Faults are noted; then there are none."""
    negative = data.get("negative_prompt")
    if negative is not None and not isinstance(negative, str):
        reader.bad(("negative_prompt",), f"{shown(negative)} is no prompt", "a text")
        negative = None
    if "prompts" in data and "inputs" in data:
        reader.bad(("inputs",), "prompts are given twice", "either `prompts` or `inputs`")
    if "inputs" in data:
        prompts = _table(reader, data["inputs"], ("inputs",), negative)
    else:
        prompts = _prompts(reader, data.get("prompts"), ("prompts",), negative)
    seeds = _seeds(reader, data.get("seeds", [0]))
    found = [_row(p, seed) for p in prompts for seed in (seeds if p[3] is None else [p[3]])]
    _refuse_twins(reader, found, ("inputs",) if "inputs" in data else ("prompts",))
    return tuple(found)


def _row(prompt: Prompt, seed: int) -> InputRow:
    ident, text, negative, _ = prompt
    return InputRow(id=f"{ident}-s{seed}", prompt_id=ident, prompt=text, negative_prompt=negative, seed=seed)


def prompt_id(prompt: str, negative: str | None) -> str:
    """``p`` and eight hexadecimal digits of the texts' digest."""
    return "p" + hashlib.sha256(f"{prompt}\0{negative or ''}".encode()).hexdigest()[:8]


def _prompts(reader: Reader, value: Any, place: Path_, negative: str | None) -> list[Prompt]:
    if isinstance(value, dict) and "file" in value:
        texts = _lines(reader, value, place)
    elif isinstance(value, list):
        texts = value
    else:
        texts = [value]
    good = []
    for i, text in enumerate(texts):
        if isinstance(text, str) and text.strip():
            good.append(text)
        else:
            where = (*place, i) if isinstance(value, list) else place
            reader.bad(where, "a prompt is missing" if text is None else f"{shown(text)} is no prompt", "a text")
    if isinstance(value, list) and not value:
        reader.bad(place, "the list is empty", "at least one prompt")
    return [(prompt_id(text, negative), text, negative, None) for text in good]


def _lines(reader: Reader, value: dict[str, Any], place: Path_) -> list[str]:
    for key in value:
        if key not in ("file", "first"):
            reader.bad((*place, key), "unknown key", "file and, if wanted, first", nearest(key, ("file", "first")))
    text = _read(reader, value["file"], (*place, "file"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if text and not lines:
        reader.bad((*place, "file"), "the prompt file has no prompt in it", "a prompt on each line")
    first = value.get("first", len(lines))
    if isinstance(first, bool) or not isinstance(first, int) or first < 1:
        reader.bad((*place, "first"), f"{shown(first)} will not do", "a whole number of at least 1")
        return lines
    if lines and first > len(lines):
        reader.bad((*place, "first"), f"the file has {len(lines)} prompts, not {first}", f"at most {len(lines)}")
    return lines[:first]


def _read(reader: Reader, value: Any, place: Path_) -> str:
    if not isinstance(value, str):
        reader.bad(place, f"{shown(value)} is no file name", "a path, relative to the spec's folder")
        return ""
    path: Path = reader.base / Path(value).expanduser()
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            reader.bad(place, f"{value} is larger than {_LARGEST_BYTES // 10**6} MB", "a file of prompts")
            return ""
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reader.source.fault(place, f"{value} cannot be read: {error.strerror}",
                            expected=f"a file; relative paths start at {reader.base}", missing=True)  # fmt: skip
        return ""
    except UnicodeDecodeError as error:
        reader.bad(place, f"{value} is no UTF-8 text (byte {error.start})", "UTF-8")
        return ""
    if not text.strip():
        reader.bad(place, f"{value} is empty", "at least one prompt")
    return text


def _table(reader: Reader, value: Any, place: Path_, negative: str | None) -> list[Prompt]:
    text = _read(reader, value, place)
    table = csv.DictReader(text.splitlines())
    for column in table.fieldnames or []:
        if column not in _COLUMNS:
            reader.bad(place, f"{value} has an unknown column {column!r}", "columns " + ", ".join(_COLUMNS),
                       nearest(column, _COLUMNS))  # fmt: skip
    if text and "prompt" not in (table.fieldnames or []):
        reader.bad(place, f"{value} has no column `prompt`", "columns " + ", ".join(_COLUMNS))
        return []
    return [p for line, row in enumerate(table, 2) if (p := _entry(reader, row, f"{value}:{line}", place, negative))]


def _entry(reader: Reader, row: dict[str, str | None], where: str, place: Path_, negative: str | None) -> Prompt | None:
    prompt, own = (row.get("prompt") or "").strip(), (row.get("negative_prompt") or "").strip() or negative
    seed, ident = (row.get("seed") or "").strip(), (row.get("id") or "").strip()
    if not prompt:
        reader.bad(place, f"{where} has no prompt")
    elif seed and not seed.isdigit():
        reader.bad(place, f"{where}: seed {seed!r} is no whole number")
    elif ident and not _ID.fullmatch(ident):
        reader.bad(place, f"{where}: id {ident!r} will not do", "letters, digits, '.', '_' and '-'")
    else:
        return ident or prompt_id(prompt, own), prompt, own, int(seed) if seed else None
    return None


def _seeds(reader: Reader, value: Any) -> list[int]:
    seeds = value if isinstance(value, list) else [value]
    if not seeds:
        reader.bad(("seeds",), "the list is empty", "at least one seed")
    for i, seed in enumerate(seeds):
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            reader.bad(("seeds", i) if isinstance(value, list) else ("seeds",), f"{shown(seed)} is no seed",
                       "a whole number of at least 0")  # fmt: skip
            return [0]
    if len(set(seeds)) < len(seeds):
        reader.bad(("seeds",), "a seed stands in the list twice", "each seed once")
    return list(seeds)


def _refuse_twins(reader: Reader, found: list[InputRow], place: Path_) -> None:
    seen: set[str] = set()
    for row in found:
        if row.id in seen:
            reader.bad(place, f"{row.id} ({shown(row.prompt)}) stands there twice", "each prompt (or id) once")
            return
        seen.add(row.id)

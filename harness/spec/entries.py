"""A table's line to an entry: every cell checked, pictures named by their sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.catalog.tasks import APIS, TASKS
from harness.catalog.types import Api, Task
from harness.spec.picture_cells import Cell, Source, hint, images, mask, mix, weights
from harness.spec.reader import Reader, is_number, nearest, one_of, shown
from harness.spec.tables import Line
from harness.spec.types import ESTIMATE

LARGEST_SEED = 2**63 - 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_SEED = re.compile(r"[0-9]{1,18}")
_EMPTY = 'a text; an empty one on purpose is `prompt: ""` in the spec or in JSONL'
T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """What a line asks for, but for the spec's seeds. ``images``: a row for each; ``(None,)`` without any."""

    line: Line
    id: str | None
    prompt: str
    negative: str | None
    seed: int | None
    images: tuple[Source | None, ...] = (None,)
    image_caption: str | None = None
    mask: Source | str | None = None
    hint: Source | str | None = None
    mix: tuple[Source | str, ...] = ()
    weights: tuple[float, ...] | None = None
    task: Task | None = None
    api: Api | None = None


def entry(reader: Reader, line: Line, negative: str | None, *, allow_urls: bool) -> Entry | None:
    """The entry of a line; ``None`` after a fault.

    Args:
        negative: the negative prompt of lines that have none of their own.
    """
    faults = len(reader.source.problems)

    def cell(column: str, parse: Callable[[Cell, Any], T], absent: T) -> T:
        return parse(Cell(reader, line, column, allow_urls), line.cells[column]) if column in line.cells else absent

    found = Entry(
        line=line,
        id=cell("id", _id, None),
        prompt=_prompt(reader, line),
        negative=cell("negative_prompt", _text, negative),
        seed=cell("seed", _seed, None),
        images=cell("image", images, (None,)),
        image_caption=cell("image_caption", _caption, None),
        mask=cell("mask", mask, None),
        hint=cell("hint", hint, None),
        mix=cell("mix", mix, ()),
        weights=cell("weights", _weights, None),
        task=cell("task", _task, None),
        api=cell("api", _api, None),
    )
    _refuse_without_image(Cell(reader, line, "mask"), found.mask is not None, "a mask")
    _refuse_without_image(Cell(reader, line, "image_caption"), found.image_caption is not None, "its caption")
    _refuse_without_image(Cell(reader, line, "hint"), found.hint == ESTIMATE, "an estimated hint")
    return found if len(reader.source.problems) == faults else None


def _prompt(reader: Reader, line: Line) -> str:
    """Empty only where it is given so, or where a mix stands in for it."""
    if "prompt" in line.cells:
        return _text(Cell(reader, line, "prompt"), line.cells["prompt"]) or ""
    if "mix" not in line.cells:
        reader.bad(line.place, f"{line.where or 'the row'} has no prompt", _EMPTY)
    return ""


def _text(cell: Cell, value: Any) -> str | None:
    if isinstance(value, str) and (value.strip() or not value):
        return value
    cell.bad(f"{shown(value)} is no prompt", _EMPTY)
    return None


def _caption(cell: Cell, value: Any) -> str | None:
    if isinstance(value, str) and value.strip():
        return value
    cell.bad(f"{shown(value)} is no caption", "a text that says what the image shows")
    return None


def _id(cell: Cell, value: Any) -> str | None:
    text = str(value) if is_number(value, whole=True) else value
    if isinstance(text, str) and _ID.fullmatch(text):
        return text
    cell.bad(f"id {shown(value)} will not do", "letters, digits, '.', '_' and '-'")
    return None


def _seed(cell: Cell, value: Any) -> int | None:
    number = int(value) if isinstance(value, str) and _SEED.fullmatch(value) else value
    if is_number(number, whole=True) and 0 <= number <= LARGEST_SEED:
        return int(number)
    cell.bad(f"seed {shown(value)} is no whole number of at least 0")
    return None


def _task(cell: Cell, value: Any) -> Task | None:
    """A row for one task only."""
    return _named(cell, value, TASKS)


def _api(cell: Cell, value: Any) -> Api | None:
    """A row for one form of the API only."""
    return _named(cell, value, APIS)


def _named(cell: Cell, value: Any, known: Iterable[T]) -> T | None:
    names = list(known)
    if value in names:
        return names[names.index(value)]
    cell.bad(f"{shown(value)} is no {cell.column}", one_of(map(str, names)), nearest(value, map(str, names)))
    return None


def _weights(cell: Cell, value: Any) -> tuple[float, ...] | None:
    things = cell.line.cells.get("mix", [])
    return weights(cell, value, len(things)) if isinstance(things, list) else None  # such a mix has its own fault


def _refuse_without_image(cell: Cell, asked: bool, what: str) -> None:
    if asked and "image" not in cell.line.cells:
        cell.bad(f"there is {what} and no image", "an image in the row")

"""Tables of rows: CSV, TSV, JSONL and Parquet files, or a list in the spec; each row with the place where it stands."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.spec.reader import Reader, nearest, one_of, shown
from harness.spec.source import Path_, dotted

COLUMNS = ("id", "prompt", "negative_prompt", "seed", "image", "image_caption", "mask", "hint", "mix", "weights",
           "task", "api")  # fmt: skip
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
MOST_ROWS = 1_000_000
_LARGEST_BYTES = 50_000_000
_JSON_COLUMNS = ("image", "mask", "hint", "mix", "weights")  # of CSV and TSV: what begins with a bracket is JSON


class _BrokenError(Exception):
    """What is wrong with a table's text, and what was expected."""

    def __init__(self, happened: str, expected: str) -> None:
        super().__init__(happened, expected)
        self.happened, self.expected = happened, expected


@dataclass(frozen=True)
class Line:
    """A row as it was written: column → value, without the empty cells.

    ``where``: file and line; empty for a row that stands in the spec itself, whose columns then have places there.
    """

    cells: dict[str, Any]
    place: Path_
    where: str = ""

    @property
    def name(self) -> str:
        """Where it stands, for people."""
        return self.where or dotted(self.place)

    def bad(
        self, reader: Reader, column: str, happened: str, expected: str = "", nearest: str | None = None,
        *, missing: bool = False,
    ) -> None:  # fmt: skip
        """Note a fault of a cell."""
        place = self.place if self.where else (*self.place, column)
        told = f"{self.where}: {happened}" if self.where else happened
        reader.source.fault(place, told, expected=expected, nearest=nearest, missing=missing)


def lines_of(reader: Reader, value: Any, place: Path_) -> list[Line]:
    """The rows of ``inputs``; faults are noted and their rows left out."""
    if not isinstance(value, list):
        return file_lines(reader, value, place)
    if not value:
        reader.bad(place, "the list is empty", "at least one row")
    found = []
    for i, row in enumerate(value):
        if not isinstance(row, dict) or not row:
            reader.bad((*place, i), f"{shown(row)} is no row", "a mapping such as {prompt: a star, image: star.png}")
            continue
        for key in [key for key in row if key not in COLUMNS]:
            reader.bad((*place, i, key), "unknown key", one_of(COLUMNS), nearest(key, COLUMNS))
        found.append(Line({name: cell for name, cell in row.items() if cell is not None}, (*place, i)))
    return found


def file_lines(reader: Reader, value: Any, place: Path_, column: str = "") -> list[Line]:
    """The rows of a table's file, read as its suffix says.

    Args:
        column: the one that is wanted, whatever others there are; by default all of ``inputs``, and none that is
            unknown.
    """
    data = read_bytes(reader, value, place)
    if data is None:
        return []
    rows = _READERS.get(Path(value).suffix.lower())
    if rows is None:
        reader.bad(place, f"{value} is no table that can be read", f"a name that ends in {', '.join(SUFFIXES)}")
        return []
    table = _Table(reader, str(value), place, column)
    try:
        table.read(rows(data, str(value)))
    except _BrokenError as error:
        reader.bad(place, error.happened, error.expected)
    return table.lines if column else [_unpacked(line) for line in table.lines]


#: First ``(0, {column: None})`` where a file names its columns, then each row with its number or what is wrong with it.
Rows = Iterator[tuple[int, "dict[str, Any] | _BrokenError"]]


class _Table:
    """Turns what a file's reader yields into lines, and tells each unknown column once."""

    def __init__(self, reader: Reader, name: str, place: Path_, column: str) -> None:
        self._reader, self._name, self._place, self._column = reader, name, place, column
        self._told: set[str] = set()
        self.lines: list[Line] = []

    def read(self, rows: Rows) -> None:
        last = 0
        for number, cells in rows:
            last, where = number, f"{self._name}:{number}" if number else self._name
            if isinstance(cells, _BrokenError):
                self._bad(cells.happened, cells.expected)
                continue
            self._refuse_unknown(cells, where)
            if number:
                self.lines.append(Line({k: one for k, one in cells.items() if one is not None}, self._place, where))
            elif not self._has_what_it_needs(cells):
                return
        if not last:
            self._bad(f"{self._name} has no rows", "a row for each prompt")

    def _refuse_unknown(self, columns: Collection[str], where: str) -> None:
        for column in () if self._column else columns:
            if column not in COLUMNS and column not in self._told:
                self._told.add(column)
                told = f"{where} has an unknown column {column[:60]!r}"
                self._bad(told, one_of(COLUMNS), nearest(column, COLUMNS))

    def _has_what_it_needs(self, columns: Collection[str]) -> bool:
        if self._column:
            there = self._column in columns
            expected, guess = one_of(columns, self._column), nearest(self._column, columns)
        else:
            there = "prompt" in columns or "mix" in columns
            expected, guess = "columns " + ", ".join(COLUMNS), None
        if not there:
            self._bad(f"{self._name} has no column `{self._column or 'prompt'}`", expected, guess)
        return there

    def _bad(self, happened: str, expected: str, guess: str | None = None) -> None:
        self._reader.bad(self._place, happened, expected, guess)


def _separated(delimiter: str) -> Callable[[bytes, str], Rows]:
    def rows(data: bytes, name: str) -> Rows:
        table = csv.DictReader(io.StringIO(_text(data, name), newline=""), strict=True, delimiter=delimiter)
        try:
            columns = [column or "" for column in table.fieldnames or []]
            yield 0, dict.fromkeys(_once(columns, name))
            for row in table:
                yield table.line_num, _cells(row, f"{name}:{table.line_num}")
        except csv.Error as error:
            kind = "commas" if delimiter == "," else "tabs"
            expected = f"a table with {kind} between its columns"
            raise _BrokenError(f"{name}:{table.line_num} cannot be read: {error}", expected) from error

    return rows


def _once(columns: list[str], name: str) -> list[str]:
    twice = [column for column, times in Counter(columns).items() if times > 1]
    if twice:
        raise _BrokenError(f"{name} has the column {twice[0][:60]!r} twice", "each column once")
    return columns


def _cells(row: dict[Any, Any], where: str) -> dict[str, Any] | _BrokenError:
    """Texts without the space around them; empty ones are not there, as CSV cannot tell the two apart."""
    if None in row:
        expected = "quotes around a text that holds a comma or a tab"
        return _BrokenError(f"{where} has more fields than there are columns", expected)
    return {name: (text or "").strip() or None for name, text in row.items()}


def _unpacked(line: Line) -> Line:
    """A line of texts whose lists and mappings are read from their JSON; a text that is none stays as it is."""
    cells = dict(line.cells)
    for name in _JSON_COLUMNS:
        text = cells.get(name)
        if isinstance(text, str) and text.startswith(("[", "{")):
            with suppress(ValueError, RecursionError):
                cells[name] = _parsed(text)
    return replace(line, cells=cells)


def _parsed(text: str) -> Any:
    """JSON whose numbers are numbers and whose texts are Unicode; ``ValueError`` or ``RecursionError`` otherwise."""
    value = json.loads(text, parse_constant=_no_number)
    json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    return value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _json_lines(data: bytes, name: str) -> Rows:
    for number, text in enumerate(_text(data, name).split("\n"), 1):
        if text.strip():
            yield number, _json_row(text, f"{name}:{number}")


def _json_row(text: str, where: str) -> dict[str, Any] | _BrokenError:
    expected = 'a mapping in JSON, such as {"prompt": "a star"}'
    try:
        row = _parsed(text)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error)
        return _BrokenError(f"{where} cannot be read: {reason}", expected)
    if isinstance(row, dict) and row:
        return row
    return _BrokenError(f"{where}: {shown(row)} is no row", expected)


def _parquet(data: bytes, name: str) -> Rows:
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        columns = _once(list(file.schema_arrow.names), name)
        if file.metadata.num_rows > MOST_ROWS:
            raise _BrokenError(f"{name} has {file.metadata.num_rows:,} rows", f"at most {MOST_ROWS:,}")
        table = file.read().to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        raise _BrokenError(f"{name} cannot be read: {str(error).splitlines()[0][:200]}", "a Parquet file") from error
    yield 0, dict.fromkeys(columns)
    for number, row in enumerate(table, 1):
        yield number, {key: _plain(key, cell) for key, cell in row.items()}


def _plain(column: str, cell: Any) -> Any:
    """A cell as the other tables have it: a data frame's gap is not there, and its whole numbers are whole."""
    if isinstance(cell, float):
        return None if math.isnan(cell) else int(cell) if column == "seed" and cell.is_integer() else cell
    if isinstance(cell, dict):
        return {key: _plain(key, one) for key, one in cell.items() if one is not None}
    return [_plain("", one) for one in cell] if isinstance(cell, list) else cell


_READERS: dict[str, Callable[[bytes, str], Rows]] = {
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}


def _text(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _BrokenError(f"{name} is no UTF-8 text (byte {error.start})", "UTF-8") from error
    if not text.strip():
        raise _BrokenError(f"{name} is empty", "at least one prompt")
    return text


def read_text(reader: Reader, value: Any, place: Path_) -> str:
    """A file's text; empty after a fault."""
    data = read_bytes(reader, value, place)
    try:
        return "" if data is None else _text(data, str(value))
    except _BrokenError as error:
        reader.bad(place, error.happened, error.expected)
        return ""


def read_bytes(reader: Reader, value: Any, place: Path_) -> bytes | None:
    """A file's content; ``None`` after a fault."""
    if not isinstance(value, str) or not value.strip():
        reader.bad(place, f"{shown(value)} is no file name", "a path, relative to the spec's folder")
        return None
    try:
        path = reader.base / reader.path(value)
        if path.stat().st_size > _LARGEST_BYTES:
            reader.bad(place, f"{value} is larger than {_LARGEST_BYTES // 10**6} MB", "a file of prompts")
            return None
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reader.source.fault(place, f"{value} cannot be read: {reason}",
                            expected=f"a file; relative paths start at {reader.base}", missing=True)  # fmt: skip
        return None

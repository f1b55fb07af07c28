"""Records of runs: ``<run id>/run.json``, ``cells/<cell id>.json`` and, beside it, the per-image rows as Parquet."""

from __future__ import annotations

import difflib
import io
import json
import re
import secrets
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from harness.base import Frozen
from harness.errors import MissingError, StoreError
from harness.store.atomic import disk_error, write_atomic
from harness.store.locks import hold, is_held
from harness.store.records import SCHEMA_VERSION, CellRecord, RunRecord

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_LOOK = "`harness ls` shows the runs"
_RESTORE = "remove that run's folder and repeat the run (stored results are used), or restore it"
_LOCK = "lock"
_ROUNDS = "timing-rounds.json"  # of a timing pass that is not over
TRACKING = "tracking.json"  # a run's place in MLflow, written when it was sent
_STAMP, _CHANCE = len("20261124-101500-"), len("-3fa9")  # what stands before and after a name in a run's id
_Record = TypeVar("_Record", bound=Frozen)


def new_run_id(name: str) -> str:
    """``20261124-101500-quickstart-3fa9``: when, what, and four hexadecimal digits against coincidence."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{slug(name)}-{secrets.token_hex(2)}"


def slug(name: str) -> str:
    """What a run's id holds of its name."""
    return (re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "run")[:80]


class Runs:
    """The folder of all runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, run_id: str) -> RunFolder:
        """One run's folder, there or not."""
        return RunFolder(self.root / _safe(run_id))

    def ids(self) -> list[str]:
        """Every run, oldest first: ids begin with the time."""
        return sorted(path.parent.name for path in self.root.glob("*/run.json"))

    def find(self, text: str) -> str:
        """An id, ``latest``, a name (its newest run), or the beginning of exactly one id."""
        ids = self.ids()
        if text in ids:
            return text
        if text == "latest" and ids:
            return ids[-1]
        named = [i for i in ids if self.folder(i).name() == text]
        if named:
            return named[-1]
        begun = [i for i in ids if i.startswith(text)]
        if len(begun) == 1:
            return begun[0]
        near = difflib.get_close_matches(text, [*ids, *(self.folder(i).name() for i in ids)], n=3, cutoff=0.5)
        raise MissingError(
            f"{len(begun)} runs begin with {text!r}." if begun else f"There is no run {text!r}.",
            expected="a run's id, its name, the beginning of one id, or `latest`",
            do=f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else _LOOK,
        )


class RunFolder:
    """One run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether the run has a record."""
        return (self.path / "run.json").is_file()

    def name(self) -> str:
        """The run's name, read without validating its plan."""
        try:
            return str(self.raw()["name"])
        except StoreError:
            return self.path.name[_STAMP:-_CHANCE]  # a damaged record is found too, and hides no other

    def raw(self) -> dict[str, Any]:
        """The run's record as plain JSON, its version checked."""
        return _read(self.path / "run.json", RunRecord)

    def raw_cells(self) -> list[dict[str, Any]]:
        """The cells' records as plain JSON."""
        return [_read(path, CellRecord) for path in sorted((self.path / "cells").glob("*.json"))]

    def save_run(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_atomic(self.path / "run.json", _bytes(record))

    def load_run(self) -> RunRecord:
        """Read ``run.json``."""
        return _load(self.path / "run.json", RunRecord)

    def has_cell(self, cell_id: str) -> bool:
        """Whether that cell has a record."""
        return self._cell(cell_id, "json").is_file()

    def save_cell(self, record: CellRecord, rows: list[dict[str, Any]] | None) -> None:
        """Write the rows first: a record never speaks of rows that are not there."""
        if rows is not None:
            write_atomic(self._cell(record.cell_id, "parquet"), _parquet(rows))
        write_atomic(self._cell(record.cell_id, "json"), _bytes(record))

    def load_cell(self, cell_id: str) -> CellRecord:
        """Read a cell's record."""
        return _load(self._cell(cell_id, "json"), CellRecord)

    def image_rows(self, cell_id: str) -> list[dict[str, Any]] | None:
        """Read a cell's per-image rows; ``None``: it was not scored."""
        path = self._cell(cell_id, "parquet")
        if not path.is_file():
            if self.has_cell(cell_id) and self.load_cell(cell_id).scores:
                raise StoreError(f"The rows {path} are gone, though their cell was scored.", do=_RESTORE)
            return None
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        except pa.ArrowInvalid as error:
            raise StoreError(f"The rows {path} are damaged: {error}", do=_RESTORE) from error
        return rows

    def save_rounds(self, data: bytes | None) -> None:
        """Write what a timing pass has measured so far; ``None``: it is over."""
        path = self.path / _ROUNDS
        if data is not None:
            write_atomic(path, data)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(path, error, "remove") from error

    def load_rounds(self) -> bytes | None:
        """What a timing pass that is not over has measured."""
        path = self.path / _ROUNDS
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(path, error, "read") from error

    def rows_path(self, cell_id: str) -> Path:
        """Where a cell's per-image rows lie, there or not."""
        return self._cell(cell_id, "parquet")

    def lock(self) -> AbstractContextManager[None]:
        """Hold the run for this process."""
        return hold(self.path / _LOCK, self._busy)

    def locked(self) -> bool:
        """Whether some process holds the run now."""
        return is_held(self.path / _LOCK)

    def _busy(self, holder: str) -> StoreError:
        return StoreError(
            f"Run {self.path.name} is being made by process {holder}.",
            expected="one process for each run",
            do="wait for it, or end it; or give this one a name of its own with --name",
        )

    def _cell(self, cell_id: str, ending: str) -> Path:
        return self.path / "cells" / f"{_safe(cell_id)}.{ending}"


def _safe(name: str) -> str:
    """A name that stays in its folder."""
    if not _SAFE.fullmatch(name) or ".." in name:
        raise StoreError(f"{name!r} is no name of a run or cell.", expected="letters, digits, '.', '_' and '-'")
    return name


def _bytes(record: Frozen) -> bytes:
    return (record.model_dump_json(indent=1) + "\n").encode()


def _read(path: Path, kind: type[Frozen]) -> dict[str, Any]:
    """A record as plain JSON, its version checked; a field that it lacks has its default, if there is one."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingError(f"There is no record {path.name} in {path.parent}.", do=_LOOK) from error
    except OSError as error:
        raise disk_error(path, error, "read") from error
    except ValueError as error:
        raise StoreError(f"The record {path} is damaged: {error}", do=_RESTORE) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise StoreError(f"The record {path} is damaged: it names no schema version.", do=_RESTORE)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The record {path} was written by a newer version (schema {version}).",
            expected=f"schema {SCHEMA_VERSION} or older",
            do="update kandinsky-harness, or use another store with --store; nothing was touched",
        )
    absent = {name: field for name, field in kind.model_fields.items() if name not in content}
    required = [name for name, field in absent.items() if field.is_required()]
    if required:
        raise StoreError(f"The record {path} does not read as one: {required[0]} is missing.", do=_RESTORE)
    return {**content, **{name: field.get_default() for name, field in absent.items()}}


def _load(path: Path, kind: type[_Record]) -> _Record:
    try:
        return kind.model_validate(_read(path, kind))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise StoreError(f"The record {path} does not read as one: {where}: {fault['msg']}", do=_RESTORE) from error


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    """One table of all rows; a column that only some rows have is null in the others."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = dict.fromkeys(name for row in rows for name in row)
    sink = io.BytesIO()
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in columns}), sink)
    return sink.getvalue()

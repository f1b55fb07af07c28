"""The store: results of stages and records of runs, on disk; the only truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import MissingError, StoreError
from harness.store.atomic import TEMPORARY, disk_error, write_atomic
from harness.store.blobs import Blobs
from harness.store.locks import hold
from harness.store.records import CellRecord, RunRecord
from harness.store.runs import TRACKING, RunFolder, Runs

LAYOUT_VERSION = 1
_MARKER = "store.json"
_LOCK = "lock"


class Store:
    """One folder. Made with :func:`open_store`, which checks that this version may read it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = Blobs(root / "stages")
        self.runs = Runs(root / "runs")

    # -- results of stages

    def has(self, stage: str, key: str) -> bool:
        """Whether a stage's result is there."""
        return self.blobs.has(stage, key)

    def get(self, stage: str, key: str) -> bytes:
        """A stage's result; ``StoreError`` if it is absent or damaged."""
        return self.blobs.get(stage, key)

    def find(self, stage: str, key: str) -> bytes | None:
        """A stage's result, or ``None`` if it is absent or damaged (a damaged one is put aside)."""
        return self.blobs.find(stage, key)

    def put(self, stage: str, key: str, data: bytes) -> None:
        """Keep a stage's result, whole or not at all."""
        self.blobs.put(stage, key, data)

    def path(self, stage: str, key: str) -> Path:
        """Where a stage's result lies."""
        return self.blobs.path(stage, key)

    # -- records of runs

    def new_run(self, record: RunRecord) -> None:
        """Begin a run's records."""
        self.runs.folder(record.run_id).save_run(record)

    def save_run(self, record: RunRecord) -> None:
        """Save a run's record."""
        self.runs.folder(record.run_id).save_run(record)

    def load_run(self, run_id: str) -> RunRecord:
        """A run's record."""
        return self._run(run_id).load_run()

    def rows_path(self, run_id: str, cell_id: str) -> Path:
        """Where a cell's per-image rows lie as Parquet, there or not."""
        return self._run(run_id).rows_path(cell_id)

    def tracking_path(self, run_id: str) -> Path:
        """Where a run's record says to which MLflow run it was sent, there or not."""
        return self._run(run_id).path / TRACKING

    def run_ids(self) -> list[str]:
        """Every run, oldest first."""
        return self.runs.ids()

    def find_run(self, text: str) -> str:
        """The run that ``text`` means: an id, ``latest``, a run's name (its newest), or the beginning of one id."""
        return self.runs.find(text)

    def save_cell(self, record: CellRecord, rows: list[dict[str, Any]] | None = None) -> None:
        """Save a cell's record, and its per-image rows where they are given."""
        self.runs.folder(record.run_id).save_cell(record, rows)

    def load_cell(self, run_id: str, cell_id: str) -> CellRecord:
        """A cell's record."""
        return self._run(run_id).load_cell(cell_id)

    def load_cells(self, run_id: str) -> list[CellRecord]:
        """The cells that have a record, in the plan's order."""
        folder = self._run(run_id)
        return [folder.load_cell(cell.id) for cell in folder.load_run().plan.cells if folder.has_cell(cell.id)]

    def image_rows(self, run_id: str, cell_id: str) -> list[dict[str, Any]] | None:
        """A cell's per-image rows, or ``None`` if it has none yet."""
        return self._run(run_id).image_rows(cell_id)

    def save_rounds(self, run_id: str, data: bytes | None) -> None:
        """Keep what a timing pass that is not over has measured; ``None``: it is over."""
        self._run(run_id).save_rounds(data)

    def load_rounds(self, run_id: str) -> bytes | None:
        """What a timing pass that was stopped had measured, or ``None``."""
        return self._run(run_id).load_rounds()

    @contextmanager
    def lock_run(self, run_id: str) -> Iterator[None]:
        """Let no other process continue this run, nor collect garbage; ``StoreError`` names the one that does."""
        with hold(self.root / _LOCK, self._busy, shared=True, wait_s=60.0), self.runs.folder(run_id).lock():
            yield

    def is_locked(self, run_id: str) -> bool:
        """Whether some process is making this run now."""
        return self.runs.folder(run_id).locked()

    @contextmanager
    def lock_all(self) -> Iterator[None]:
        """Let no run begin or go on; ``StoreError`` if one is under way."""
        with hold(self.root / _LOCK, self._busy):
            yield

    def _busy(self, holder: str) -> StoreError:
        making = [run_id for run_id in self.run_ids() if self.is_locked(run_id)]
        what = f"run {making[0]} is being made" if making else f"process {holder} holds it"
        return StoreError(f"The store {self.root} is in use: {what}.", do="repeat the command when that is over")

    def _run(self, run_id: str) -> RunFolder:
        folder = self.runs.folder(run_id)
        if not folder.exists():
            raise MissingError(f"There is no run {run_id} in {self.root}.", do="`harness ls` shows those there are")
        return folder


def open_store(root: Path, *, create: bool = True) -> Store:
    """The store in ``root``.

    Raises:
        MissingError: there is none and ``create`` is false.
        StoreError: a newer version wrote it, or the folder is something else.
    """
    marker = root / _MARKER
    if not marker.is_file():
        if root.is_file():
            raise StoreError(f"{root} is a file, and no store.", do="name an empty or new folder with --store")
        if not create:
            raise MissingError(
                f"There is no store in {root}.",
                do="name it with --store or HARNESS_STORE, or make the first run: `harness run quickstart`",
            )
        _begin(marker)
    _check_version(marker)
    return Store(root)


def _begin(marker: Path) -> None:
    """Make the marker of a new store; two processes may do so at once."""
    root = marker.parent
    strange = root.is_dir() and any(not path.name.startswith(TEMPORARY) for path in root.iterdir())
    if strange and not marker.is_file():
        raise StoreError(f"{root} holds files, and no store.", do="name an empty or new folder with --store")
    write_atomic(marker, (json.dumps({"layout": LAYOUT_VERSION}) + "\n").encode())


def _check_version(marker: Path) -> None:
    try:
        layout = int(json.loads(marker.read_bytes())["layout"])
    except OSError as error:
        raise disk_error(marker, error, "read") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{marker} does not read as a store's marker.",
            expected=f'{{"layout": {LAYOUT_VERSION}}}',
            do="restore it, or use another store with --store",
        ) from error
    if layout > LAYOUT_VERSION:
        raise StoreError(
            f"The store in {marker.parent} was written by a newer version (layout {layout}).",
            expected=f"layout {LAYOUT_VERSION} or older",
            do="update kandinsky-harness, or use another store with --store; nothing in it was touched",
        )

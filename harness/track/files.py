"""The files that go beside the numbers: written into a folder, then sent as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness.store.records import CellRecord, RunRecord
from harness.store.store import Store
from harness.track.content import Content
from harness.track.sheet import contact_sheet

LONG_PARAMETERS = "long-parameters.json"


def write_run_files(folder: Path, run: RunRecord, told: Content) -> None:
    """``spec.yaml`` as the person wrote it, ``plan.json``, ``environment.json``."""
    (folder / "spec.yaml").write_text(run.plan.spec_text)
    (folder / "plan.json").write_text(run.plan.model_dump_json(indent=1))
    (folder / "environment.json").write_text(json.dumps(run.environment, indent=1, sort_keys=True))
    _write_long(folder, told)


def write_cell_files(folder: Path, store: Store, run: RunRecord, cell: CellRecord, told: Content) -> None:
    """``cell.json`` (the whole record), ``images.parquet`` (a line for each picture), ``pictures.png``."""
    (folder / "cell.json").write_text(cell.model_dump_json(indent=1))
    rows = store.rows_path(run.run_id, cell.cell_id)
    if rows.is_file():
        shutil.copyfile(rows, folder / "images.parquet")
    captions = {row.id: f"{row.seed}: {row.prompt}" for row in run.plan.rows}
    sheet = contact_sheet(store, cell, captions)
    if sheet is not None:
        (folder / "pictures.png").write_bytes(sheet)
    _write_long(folder, told)


def _write_long(folder: Path, told: Content) -> None:
    if told.long:
        (folder / LONG_PARAMETERS).write_text(json.dumps(told.long, indent=1, ensure_ascii=False))

"""One cell's pictures as files: a strip to look at, or the pictures themselves."""

from __future__ import annotations

from pathlib import Path

from harness.errors import MissingError, StoreError
from harness.report.drawing import Drawing, wrap
from harness.report.pictures import INK, MUTED, place
from harness.report.view import RunView
from harness.store.records import CellRecord

_COLUMNS, _TILE, _GAP, _HEAD, _CAPTION = 8, 128, 10, 44, 46


def write_strip(view: RunView, cell: CellRecord, out: Path) -> Path:
    """Write all of a cell's pictures, with their prompts and seeds, as one PNG; gives its path.

    Raises:
        MissingError: the cell has no pictures.
        StoreError: the file cannot be written.
    """
    rows = [row for row in view.plan.rows if any(row.id in batch.rows for batch in cell.batches)]
    if not rows:
        raise MissingError(
            f"{cell.label} has no pictures: it is {cell.status}.", do="run the spec, or name another cell"
        )
    lines = (len(rows) - 1) // _COLUMNS + 1
    columns = min(len(rows), _COLUMNS)
    sheet = Drawing(columns * (_TILE + _GAP) + _GAP, _HEAD + lines * (_TILE + _CAPTION + _GAP))
    sheet.text((_GAP, 28), wrap(cell.label, 18, sheet.width - 2 * _GAP, lines=1), 18, INK)
    for index, row in enumerate(rows):
        left = _GAP + index % _COLUMNS * (_TILE + _GAP)
        top = _HEAD + index // _COLUMNS * (_TILE + _CAPTION + _GAP)
        place(sheet, view.picture(cell, row), (left, top), _TILE)
        caption = wrap(f"{row.prompt} · seed {row.seed}", 11, _TILE, lines=3)
        sheet.text((left, top + _TILE + 14), caption, 11, MUTED, leading=1.15)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.pixels().save(out, "PNG", optimize=True)
    except OSError as error:
        raise StoreError(f"The strip cannot be written to {out}: {error.strerror}.", do="name another file") from error
    return out


def write_pictures(view: RunView, cell: CellRecord, folder: Path) -> list[Path]:
    """Write a cell's pictures as they were made, one PNG a row; gives their paths. Those no longer stored are left out.

    Raises:
        StoreError: the folder cannot be written.
    """
    found = [(row, view.picture(cell, row)) for row in view.plan.rows]
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row, png in found:
            if png is not None:
                paths.append(folder / f"{row.id}.png")
                paths[-1].write_bytes(png)
    except OSError as error:
        raise StoreError(
            f"Pictures cannot be written to {folder}: {error.strerror}.", do="name another folder"
        ) from error
    return paths

"""One cell's pictures as files: a strip to look at, or the pictures themselves."""

from __future__ import annotations

from pathlib import Path

from harness.errors import MissingError, StoreError
from harness.plan.types import InputRow
from harness.report.drawing import Drawing, wrap
from harness.report.inputs import heading, things_of
from harness.report.pictures import INK, MUTED, place, put
from harness.report.view import RunView
from harness.store.records import CellRecord

_COLUMNS, _TILE, _GAP, _HEAD, _CAPTION = 8, 128, 10, 44, 46
_SMALL, _SMALL_GAP = 60, 4  # of what a picture starts from


def write_strip(view: RunView, cell: CellRecord, out: Path) -> Path:
    """Write all of a cell's pictures, with what they start from, prompts and seeds, as one PNG; gives its path.

    Raises:
        MissingError: the cell has no pictures.
        StoreError: the file cannot be written.
    """
    rows = [row for row in view.rows_of(cell) if cell.batch_of(row.id) is not None]
    if not rows:
        raise MissingError(
            f"{cell.label} has no pictures: it is {cell.status}.", do="run the spec, or name another cell"
        )
    sheet = _sheet(view, cell, rows)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.pixels().save(out, "PNG", optimize=True)
    except OSError as error:
        raise StoreError(f"The strip cannot be written to {out}: {error.strerror}.", do="name another file") from error
    return out


def _sheet(view: RunView, cell: CellRecord, rows: list[InputRow]) -> Drawing:
    """The cell's label, and its pictures in lines."""
    lines, columns = (len(rows) - 1) // _COLUMNS + 1, min(len(rows), _COLUMNS)
    above = _SMALL + _SMALL_GAP if any(things_of(cell, row) for row in rows) else 0
    high = above + _TILE + _CAPTION + _GAP
    sheet = Drawing(columns * (_TILE + _GAP) + _GAP, _HEAD + lines * high)
    sheet.text((_GAP, 28), wrap(cell.label, 18, sheet.width - 2 * _GAP, lines=1), 18, INK)
    for index, row in enumerate(rows):
        left, top = _GAP + index % _COLUMNS * (_TILE + _GAP), _HEAD + index // _COLUMNS * high
        _inputs(sheet, view, cell, row, (left, top))
        place(sheet, view.picture(cell, row), (left, top + above), _TILE)
        caption = wrap(f"{heading(cell, row)} · seed {row.seed}".removeprefix(" · "), 11, _TILE, lines=3)
        sheet.text((left, top + above + _TILE + 14), caption, 11, MUTED, leading=1.15)
    return sheet


def _inputs(sheet: Drawing, view: RunView, cell: CellRecord, row: InputRow, at: tuple[int, int]) -> None:
    """What a picture starts from, side by side above it; smaller where there are more than two."""
    things = list(things_of(cell, row).values())
    side = min(_SMALL, (_TILE + _SMALL_GAP) // max(len(things), 1) - _SMALL_GAP)
    for number, thing in enumerate(things):
        put(sheet, view, thing, (at[0] + number * (side + _SMALL_GAP), at[1] + _SMALL - side), side)


def write_pictures(view: RunView, cell: CellRecord, folder: Path) -> list[Path]:
    """Write a cell's pictures as they were made, one PNG a row; gives their paths. Those no longer stored are left out.

    Raises:
        StoreError: the folder cannot be written.
    """
    found = [(row, view.picture(cell, row)) for row in view.rows_of(cell)]
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

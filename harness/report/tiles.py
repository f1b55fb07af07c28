"""Pictures as a page shows them: lines of tiles under headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.plan.types import InputRow
from harness.report.inputs import InputLine, Thing, heading
from harness.report.pictures import Strip, data_uri
from harness.report.text import metric_words, one_value
from harness.report.view import RunView
from harness.store.records import CellRecord


@dataclass(frozen=True)
class Tile:
    """A picture, a text in its place, nothing, or a blank where the picture is missing."""

    uri: str | None = None
    alt: str = ""
    title: str = ""
    text: str = ""
    missing: bool = False


@dataclass(frozen=True)
class TileLine:
    """A line of tiles with its label."""

    label: str
    tiles: tuple[Tile, ...]
    reference: bool = False
    chosen: bool = False
    is_input: bool = False


@dataclass(frozen=True)
class TileBlock:
    """Lines under one title; ``headings`` stand over the columns, ``note`` over all."""

    title: str
    headings: tuple[str, ...]
    lines: tuple[TileLine, ...]
    note: str = ""


def block_of(view: RunView, strip: Strip, chosen: Sequence[str]) -> TileBlock:
    """A strip of the grid: what its pictures start from, then its cells."""
    inputs = tuple(input_line(view, line) for line in strip.inputs)
    cells = tuple(
        TileLine(
            cell.label,
            tuple(picture_tile(view, cell, row) for row in strip.rows),
            cell.is_reference,
            cell.cell_id in chosen,
        )
        for cell in strip.cells
    )
    return TileBlock(strip.title, strip.headings, inputs + cells)


def input_line(view: RunView, line: InputLine) -> TileLine:
    """What pictures start from."""
    return TileLine(line.label, tuple(_thing(view, line.label, thing) for thing in line.things), is_input=True)


def _thing(view: RunView, label: str, thing: Thing) -> Tile:
    png = thing.png(view) if thing.is_picture else None
    missing = thing.is_picture and png is None
    return Tile(data_uri(png) if png else None, label, label, text=thing.text, missing=missing)


def picture_tile(view: RunView, cell: CellRecord, row: InputRow) -> Tile:
    """One picture of a cell; its title tells its seed and its own values."""
    png, name = view.picture(cell, row), heading(cell, row) or row.id
    values = view.image_values(cell.cell_id).get(row.id, {})
    scores = [
        f"{metric_words(m)} {one_value(m, values[m])}" for m in view.quality_metrics if isinstance(values.get(m), float)
    ]
    title = " · ".join([cell.label, name, f"seed {row.seed}", *scores])
    return Tile(data_uri(png) if png else None, f"{name}, {cell.label}", title, missing=png is None)

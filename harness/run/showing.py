"""One cell, for people: its numbers, a strip of its pictures, or the code that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.catalog.types import ModelRow
from harness.errors import MissingError
from harness.pipelines.code import show_code
from harness.plan.needs import assets_of
from harness.plan.types import InputRow
from harness.report.text import plural
from harness.report.view import find_cell, load_view
from harness.store.records import CellRecord
from harness.store.store import Store


def show_cells(store: Store, run: str) -> str:
    """The run's cells, one a line: what may stand for CELL."""
    view = load_view(store, store.find_run(run))
    width = max(len(record.cell_id) for record in view.records)
    lines = [f"  {record.cell_id:<{width}}  {record.label}" for record in view.records]
    told = f"{view.run.run_id} has {plural(len(lines), 'cell')}"
    return "\n".join([f"{told}; `harness show {run} CELL` shows one: its id, its label, or a part of either", *lines])


def show_cell(store: Store, run: str, cell: str, out: Path | None) -> str:
    """The cell's numbers; its pictures go into a strip at ``out``."""
    from harness.report.strip import write_strip
    from harness.report.terminal import render_cell

    run_id = store.find_run(run)
    view = load_view(store, run_id)
    record = find_cell(view, cell)
    text = render_cell(view, record)
    if not record.batches:
        return text
    path = out or store.root / "reports" / run_id / f"{record.cell_id}.png"
    return f"{text}\n\n{write_strip(view, record, path)}"


def show_cell_code(store: Store, run: str, cell: str, row: str | None) -> str:
    """The bare diffusers code of the batch that holds ``row`` (by default the cell's first batch)."""
    run_id = store.find_run(run)
    record = find_cell(load_view(store, run_id), cell)
    plan, environment = store.load_run(run_id).plan, store.load_run(run_id).environment
    batches = plan.batches(plan.cell(record.cell_id))
    batch = next((b for b in batches if row is None or any(r.id == row for r in b)), None)
    if batch is None:
        raise MissingError(f"The run has no input row {row!r}.", expected=f"one such as {batches[0][0].id}")
    flags = environment.get("torch", {})
    pictures, hints = _inputs(store, store.root / "reports" / run_id / "inputs", record, batch)
    return show_code(
        record.settings,
        _as_loaded(plan.models[record.settings.model], record),
        batch,
        record.scheduler,
        device=flags.get("device", "cpu"),
        threads=flags.get("threads"),
        pictures=pictures,
        hints=hints,
    )


def _as_loaded(model: ModelRow, record: CellRecord) -> ModelRow:
    """The model at the revisions that the cell was made with."""
    places = {
        part: place.model_copy(update={"revision": record.weights[part]["revision"]})
        for part, place in model.parts.items()
        if part in record.weights
    }
    return model.model_copy(update={"parts": model.parts | places})


def _inputs(
    store: Store, folder: Path, record: CellRecord, rows: Sequence[InputRow]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """What the pictures were made from as files for the code to open: by an asset's key, and each row's hint."""
    keys = dict.fromkeys(key for row in rows for key in assets_of(row, record.settings.task))
    pictures = {key: _written(folder / f"{key[:16]}.png", store.get("inputs", key)) for key in keys}
    estimated = {row.id: record.hints[row.id] for row in rows if row.id in record.hints}
    hints = {
        row_id: _written(folder / f"depth-{key[:16]}.png", store.get("hints", key)) for row_id, key in estimated.items()
    }
    return pictures, {row.id: pictures[row.hint] for row in rows if row.hint in pictures} | hints


def _written(path: Path, png: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)
    return path.resolve()

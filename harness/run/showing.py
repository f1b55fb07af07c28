"""One cell, for people: its numbers, a strip of its pictures, or the code that makes them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from PIL import Image

from harness.errors import MissingError
from harness.pipelines.code import show_code
from harness.store.records import CellRecord
from harness.store.store import Store

_MOST = 16


def find_cell(store: Store, run_id: str, text: str) -> CellRecord:
    """The cell of that id, label, or beginning of exactly one id."""
    cells = store.load_cells(run_id)
    exact = [cell for cell in cells if text in (cell.cell_id, cell.label)]
    begun = exact or [cell for cell in cells if cell.cell_id.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    names = ", ".join(cell.cell_id for cell in begun or cells)
    happened = f"{len(begun)} cells begin with {text!r}." if begun else f"Run {run_id} has no cell {text!r}."
    raise MissingError(happened, expected=f"one of {names}", do="name a cell by its id or its label")


def show_cell(store: Store, run: str, cell: str, out: Path | None) -> str:
    """The cell's numbers; its first pictures go into a strip at ``out``."""
    from harness.report.terminal import render_cell
    from harness.report.view import load_view

    run_id = store.find_run(run)
    record = find_cell(store, run_id, cell)
    text = render_cell(load_view(store, run_id), record.cell_id)
    if not record.batches:
        return text
    path = out or store.root / "reports" / run_id / f"{record.cell_id}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    strip(store, record).save(path)
    return f"{text}\n\n{path}"


def strip(store: Store, record: CellRecord) -> Image.Image:
    """The first pictures of a cell side by side."""
    pictures = []
    for batch in record.batches:
        with zipfile.ZipFile(io.BytesIO(store.get("images", batch.key))) as archive:
            pictures += [Image.open(io.BytesIO(archive.read(f"{row}.png"))).convert("RGB") for row in batch.rows]
        if len(pictures) >= _MOST:
            break
    pictures = pictures[:_MOST]
    width, height = pictures[0].size
    whole = Image.new("RGB", (width * len(pictures), height))
    for i, picture in enumerate(pictures):
        whole.paste(picture, (i * width, 0))
    return whole


def show_cell_code(store: Store, run: str, cell: str, row: str | None) -> str:
    """The bare diffusers code of the batch that holds ``row`` (by default the cell's first batch)."""
    run_id = store.find_run(run)
    record = find_cell(store, run_id, cell)
    plan, environment = store.load_run(run_id).plan, store.load_run(run_id).environment
    batches = plan.batches(plan.cell(record.cell_id))
    batch = next((b for b in batches if row is None or any(r.id == row for r in b)), None)
    if batch is None:
        raise MissingError(f"The run has no input row {row!r}.", expected=f"one such as {plan.rows[0].id}")
    model = plan.models[record.settings.model]
    places = {
        part: getattr(model, part).model_copy(update={"revision": known["revision"]})
        for part, known in record.weights.items()
    }
    flags = environment.get("torch", {})
    return show_code(
        record.settings,
        model.model_copy(update=places),
        batch,
        record.scheduler,
        device=flags.get("device", "cpu"),
        threads=flags.get("threads"),
    )

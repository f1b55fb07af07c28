"""One cell, for people: its numbers, a strip of its pictures, or the code that makes them."""

from __future__ import annotations

from pathlib import Path

from harness.errors import MissingError
from harness.pipelines.code import show_code
from harness.report.view import find_cell, load_view
from harness.store.store import Store


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

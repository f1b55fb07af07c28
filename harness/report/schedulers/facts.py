"""What a picture that leaves its folder must carry: model and revision, device, dtype, versions, n, run and command."""

from __future__ import annotations

from harness.report.facts import device_of, dtypes_of, versions_of, weights_of
from harness.report.provenance import placeless
from harness.report.schedulers.sweep import Sweep
from harness.report.text import listing, plural
from harness.store.records import CellRecord


def footer(sweep: Sweep, model: str, left_out: list[str]) -> list[str]:
    """Two lines, and one more for what is not shown."""
    view = sweep.view
    cells = [cell for cell in view.done if cell.settings.model == model]
    made = " · ".join(filter(None, (weights_of(model, cells), device_of(view.run.environment), dtypes_of(cells))))
    lines = [made, " · ".join(filter(None, (versions_of(view.run.environment), _size(sweep, cells), view.run.run_id)))]
    others = [name for name in sweep.models if name != model]
    unseen = [f"no panel for {listing(left_out)}"] if left_out else []
    unseen += [f"{listing(others)}: a picture of its own"] if others else []
    lines.append(" · ".join([placeless(view.run.command), *unseen]))
    return [line for line in lines if line]


def _size(sweep: Sweep, cells: list[CellRecord]) -> str:
    """ "n = 48 prompts, 1 seed each"."""
    if not cells:
        return "n = 0"
    rows = sweep.view.rows_of(cells[0])
    prompts = len({row.prompt_id for row in rows})
    return f"n = {plural(prompts, 'prompt')}, {plural(len(rows), 'picture')} a cell"

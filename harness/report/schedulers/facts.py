"""What a picture that leaves its folder must carry: model and revision, device, dtype, versions, n, run and command."""

from __future__ import annotations

from typing import Any

from harness.catalog.tasks import TASKS
from harness.report.provenance import placeless
from harness.report.schedulers.sweep import Sweep
from harness.report.text import listing, plural
from harness.store.records import CellRecord

_SHORT = 10  # digits of a digest or a commit


def footer(sweep: Sweep, model: str, left_out: list[str]) -> list[str]:
    """Two lines, and one more for what is not shown."""
    view = sweep.view
    cells = [cell for cell in view.done if cell.settings.model == model]
    made = " · ".join(filter(None, (_weights(model, cells), _device(view.run.environment), _dtypes(cells))))
    lines = [made, " · ".join(filter(None, (_versions(view.run.environment), _size(sweep, cells), view.run.run_id)))]
    others = [name for name in sweep.models if name != model]
    unseen = [f"no panel for {listing(left_out)}"] if left_out else []
    unseen += [f"{listing(others)}: a picture of its own"] if others else []
    lines.append(" · ".join([placeless(view.run.command), *unseen]))
    return [line for line in lines if line]


def _weights(model: str, cells: list[CellRecord]) -> str:
    """The model with the revision of what its tasks sample with, or its digest where it has no revision."""
    parts = dict.fromkeys(TASKS[cell.settings.task].part for cell in cells)
    known = {part: words for part in parts if (words := _made_with(part, cells))}
    lone = known.get("decoder", "") if len(parts) == 1 else ""
    if lone.startswith("at revision"):
        return f"{model} {lone}"
    told = [f"{part} {words}" for part, words in known.items()]
    told += [f"{part} not recorded" for part in parts if part not in known] if known else ["revision not recorded"]
    return ", ".join([model, *told])


def _made_with(part: str, cells: list[CellRecord]) -> str:
    """ "at revision 0123456789", "weights abcd1234"; "" where neither was recorded."""
    for cell in cells:
        found = cell.weights.get(part)
        if not isinstance(found, dict):
            continue
        if found.get("revision"):
            return f"at revision {str(found['revision'])[:_SHORT]}"
        if found.get("digest"):
            return f"weights {str(found['digest'])[:_SHORT]}"
    return ""


def _device(environment: dict[str, Any]) -> str:
    named = environment.get("device")
    name = named.get("name") if isinstance(named, dict) else named
    torch = environment.get("torch")
    kind = torch.get("device") if isinstance(torch, dict) else None
    return ": ".join(str(part) for part in dict.fromkeys((kind, name)) if part) or "device not recorded"


def _dtypes(cells: list[CellRecord]) -> str:
    return listing(sorted({cell.settings.dtype for cell in cells}))


def _versions(environment: dict[str, Any]) -> str:
    software = environment.get("software")
    packages = software.get("packages", {}) if isinstance(software, dict) else environment.get("versions", {})
    source = environment.get("source")
    commit = source.get("revision") if isinstance(source, dict) else None
    harness = packages.get("kandinsky-harness")
    parts = [f"{name} {packages[name]}" for name in ("torch", "diffusers") if packages.get(name)]
    if harness:
        parts.append(f"harness {harness}" + (f" ({str(commit)[:_SHORT]})" if commit else ""))
    return ", ".join(parts) or "versions not recorded"


def _size(sweep: Sweep, cells: list[CellRecord]) -> str:
    """ "n = 48 prompts, 1 seed each"."""
    if not cells:
        return "n = 0"
    rows = sweep.view.rows_of(cells[0])
    prompts = len({row.prompt_id for row in rows})
    return f"n = {plural(prompts, 'prompt')}, {plural(len(rows), 'picture')} a cell"

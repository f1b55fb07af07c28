"""What a picture that leaves its folder must carry: model and revision, device, dtype, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.catalog.tasks import TASKS
from harness.report.text import listing
from harness.store.records import CellRecord

_SHORT = 10  # digits of a digest or a commit


def weights_of(model: str, cells: Sequence[CellRecord]) -> str:
    """The model with the revision of what its tasks sample with, or its digest where it has no revision."""
    parts = dict.fromkeys(TASKS[cell.settings.task].part for cell in cells)
    known = {part: words for part in parts if (words := _made_with(part, cells))}
    lone = known.get("decoder", "") if len(parts) == 1 else ""
    if lone.startswith("at revision"):
        return f"{model} {lone}"
    told = [f"{part} {words}" for part, words in known.items()]
    told += [f"{part} not recorded" for part in parts if part not in known] if known else ["revision not recorded"]
    return ", ".join([model, *told])


def _made_with(part: str, cells: Sequence[CellRecord]) -> str:
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


def device_of(environment: dict[str, Any]) -> str:
    """ "cuda:0: NVIDIA H100"."""
    named = environment.get("device")
    name = named.get("name") if isinstance(named, dict) else named
    torch = environment.get("torch")
    kind = torch.get("device") if isinstance(torch, dict) else None
    return ": ".join(str(part) for part in dict.fromkeys((kind, name)) if part) or "device not recorded"


def dtypes_of(cells: Sequence[CellRecord]) -> str:
    """ "float16 and float32"."""
    return listing(sorted({cell.settings.dtype for cell in cells}))


def versions_of(environment: dict[str, Any]) -> str:
    """ "torch 2.14.1, diffusers 0.42.1, harness 0.1.0 (0123456789)"."""
    software = environment.get("software")
    packages = software.get("packages", {}) if isinstance(software, dict) else environment.get("versions", {})
    source = environment.get("source")
    commit = source.get("revision") if isinstance(source, dict) else None
    harness = packages.get("kandinsky-harness")
    parts = [f"{name} {packages[name]}" for name in ("torch", "diffusers") if packages.get(name)]
    if harness:
        parts.append(f"harness {harness}" + (f" ({str(commit)[:_SHORT]})" if commit else ""))
    return ", ".join(parts) or "versions not recorded"

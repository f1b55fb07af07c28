"""Which stage results a run's records refer to."""

from __future__ import annotations

from harness.store.runs import RunFolder
from harness.store.store import Store

Reference = tuple[str, str]  # stage, key


def references(folder: RunFolder) -> set[Reference]:
    """The stage results that a run's records name: pictures, inputs, embeddings, features, timings, latents."""
    found: set[Reference] = set()
    for cell in folder.raw_cells():
        for batch in cell["batches"]:
            found.add(("images", batch["key"]))
            found.add(("prior", batch.get("prior_key", "")))
        for kind in ("features", "reference_features"):
            found |= {("features", key) for key in cell.get(kind, {}).values()}
        found |= {(stage, key) for stage in ("inputs", "hints") for key in cell.get(stage, {}).values()}
        found.add(("timing", cell.get("timing_key", "")))
        stages = (cell.get("timing") or {}).get("stages") or {}
        found.add(("latents", stages.get("latents_key", "")))
    return {(stage, key) for stage, key in found if key}


def references_by_run(store: Store) -> dict[str, set[Reference]]:
    """Run id -> its references."""
    return {run_id: references(store.runs.folder(run_id)) for run_id in store.run_ids()}

"""Remove results that no kept run refers to, and what dead writers left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from harness.base import Frozen
from harness.store.blobs import leftovers
from harness.store.references import references
from harness.store.store import Store
from harness.store.usage import bytes_of, size

_COLLECTED = (
    "inputs",
    "hints",
    "prior",
    "images",
    "features",
    "timing",
    "latents",
)  # the others are small, and belong to no run
_DEAD_AFTER_S = 3600.0  # a temporary file this old has no writer any more


class Collected(Frozen):
    """What went (or would go). ``spared_for``: unfinished runs whose time nothing was taken from."""

    files: int
    bytes: int
    kept_files: int
    dry_run: bool
    spared_for: tuple[str, ...] = ()

    def __str__(self) -> str:
        verb = "would free" if self.dry_run else "freed"
        lines = [f"{verb} {size(self.bytes)} in {self.files} files; {self.kept_files} results are kept"]
        lines += [
            f"{run_id} is unfinished: what was written since it began is kept for it (--keep other runs to let it go)"
            for run_id in self.spared_for
        ]
        return "\n".join(lines)


def collect(
    store: Store, *, keep_runs: Sequence[str] | None = None, older_than_days: float | None = None, dry_run: bool = False
) -> Collected:
    """Drop unreferenced results. What a kept run's records name is never touched, and no record is ever removed.

    A cell's record names its results once the cell is whole, so what was written since a kept, unfinished run began
    may be that run's, and stays.

    Args:
        store: the store.
        keep_runs: the runs whose results stay; all of them by default.
        older_than_days: spare what was written more recently.
        dry_run: count only.

    Raises:
        StoreError: a run is under way, or a record cannot be read (what it refers to is then unknown).
    """
    with nullcontext() if dry_run else store.lock_all():
        keep = store.run_ids() if keep_runs is None else keep_runs
        spare, kept = _sorted_out(store, keep)
        unfinished, now = _unfinished(store, keep), time.time()
        limit = now - (older_than_days or 0.0) * 86_400
        going = [path for path in spare if _written(path) <= min([limit, *unfinished.values()])]
        spared = len(spare) - len(going)
        going += [path for path in store.blobs.damaged() if _written(path) <= limit]
        going += [path for path in leftovers(store.root) if _written(path) <= min(limit, now - _DEAD_AFTER_S)]
        freed = sum(map(bytes_of, going))
        if not dry_run:
            for path in going:
                path.unlink(missing_ok=True)
    return Collected(
        files=len(going), bytes=freed, kept_files=kept + spared, dry_run=dry_run, spared_for=tuple(unfinished)
    )


def _unfinished(store: Store, keep: Sequence[str]) -> dict[str, float]:
    """Runs that may be continued, and when each began (Unix seconds)."""
    records = {run_id: store.runs.folder(run_id).raw() for run_id in keep}
    return {
        run_id: record["started_ms"] / 1000
        for run_id, record in records.items()
        if record["status"] in ("running", "interrupted")
    }


def _sorted_out(store: Store, keep: Sequence[str]) -> tuple[list[Path], int]:
    """Results that no run of ``keep`` names, and how many there are that one names."""
    wanted = set().union(*(references(store.runs.folder(run_id)) for run_id in keep))
    there = [(stage, path) for stage in _COLLECTED for path in store.blobs.all(stage)]
    spare = [path for stage, path in there if (stage, path.name) not in wanted]
    return spare, len(there) - len(spare)


def _written(path: Path) -> float:
    """When a file was last written; one that has just gone was written now."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()

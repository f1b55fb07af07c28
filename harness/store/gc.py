"""Remove results that no kept run refers to, and what dead writers left."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.base import Frozen
from harness.store.references import references
from harness.store.store import Store
from harness.store.usage import size

_COLLECTED = ("prior", "images", "features", "timing")  # the others are small, and belong to no run


class Collected(Frozen):
    """What went (or would go)."""

    files: int
    bytes: int
    kept_files: int
    dry_run: bool

    def __str__(self) -> str:
        verb = "would free" if self.dry_run else "freed"
        return f"{verb} {size(self.bytes)} in {self.files} files; {self.kept_files} results are kept"


def collect(
    store: Store, *, keep_runs: Sequence[str] | None = None, older_than_days: float | None = None, dry_run: bool = False
) -> Collected:
    """Drop unreferenced results.

    Args:
        store: the store.
        keep_runs: the runs whose results stay; all of them by default. Records themselves are never removed.
        older_than_days: spare what was written more recently.
        dry_run: count only.
    """
    kept = set(store.run_ids() if keep_runs is None else keep_runs) | _under_way(store)
    wanted = set().union(*(references(store.runs.folder(run_id)) for run_id in kept))
    limit = time.time() - (older_than_days or 0.0) * 86_400
    spare = [p for s in _COLLECTED for p in store.blobs.all(s) if (s, p.name) not in wanted]
    going = [p for p in [*spare, *store.blobs.leftovers()] if p.stat().st_mtime <= limit]
    freed = sum(path.stat().st_size for path in going)
    left = sum(1 for stage in _COLLECTED for _ in store.blobs.all(stage))
    if not dry_run:
        for path in going:
            path.unlink(missing_ok=True)
    gone = sum(1 for path in going if path in set(spare))
    return Collected(files=len(going), bytes=freed, kept_files=left - gone, dry_run=dry_run)


def _under_way(store: Store) -> set[str]:
    """Runs that some process is making now: nothing of theirs may go."""
    return {run_id for run_id in store.run_ids() if store.runs.folder(run_id).locked()}

"""What the store holds: bytes by stage and by run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harness.base import Frozen
from harness.store.atomic import TEMPORARY
from harness.store.blobs import STAGES, leftovers
from harness.store.references import Reference, references_by_run
from harness.store.store import Store


class StageUsage(Frozen):
    """Files and bytes of one stage's results."""

    stage: str
    files: int
    bytes: int


class RunUsage(Frozen):
    """Bytes of a run's records, of results that only it refers to, and of those it shares with other runs."""

    run_id: str
    records_bytes: int
    own_bytes: int
    shared_bytes: int


class Usage(Frozen):
    """The whole store. ``copies_bytes``: reports and tracking, which can be made again from the rest, and logs."""

    root: str
    stages: tuple[StageUsage, ...]
    runs: tuple[RunUsage, ...]
    leftover_files: int
    leftover_bytes: int
    copies_bytes: int

    @property
    def total_bytes(self) -> int:
        """Results, records, copies and leftovers."""
        records = sum(run.records_bytes for run in self.runs)
        return sum(stage.bytes for stage in self.stages) + records + self.leftover_bytes + self.copies_bytes


def usage(store: Store) -> Usage:
    """Measure the store; reads names and sizes, and the cells' records."""
    sizes = {(stage, path.name): bytes_of(path) for stage in STAGES for path in store.blobs.all(stage)}
    by_run = references_by_run(store)
    users = Counter(reference for found in by_run.values() for reference in found)
    left = [*store.blobs.damaged(), *leftovers(store.root)]
    return Usage(
        root=str(store.root),
        stages=tuple(_stage_usage(stage, sizes) for stage in STAGES),
        runs=tuple(_run_usage(store, run_id, found, users, sizes) for run_id, found in by_run.items()),
        leftover_files=len(left),
        leftover_bytes=sum(map(bytes_of, left)),
        copies_bytes=_copies(store.root),
    )


def bytes_of(path: Path) -> int:
    """A file's size in bytes; 0 if it has just gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _stage_usage(stage: str, sizes: dict[Reference, int]) -> StageUsage:
    mine = [size for (other, _), size in sizes.items() if other == stage]
    return StageUsage(stage=stage, files=len(mine), bytes=sum(mine))


def _run_usage(
    store: Store, run_id: str, found: set[Reference], users: Counter[Reference], sizes: dict[Reference, int]
) -> RunUsage:
    own = sum(sizes.get(reference, 0) for reference in found if users[reference] == 1)
    return RunUsage(
        run_id=run_id,
        records_bytes=_below(store.runs.folder(run_id).path),
        own_bytes=own,
        shared_bytes=sum(sizes.get(reference, 0) for reference in found) - own,
    )


def _copies(root: Path) -> int:
    """Everything in the store's folder that is neither a result nor a record."""
    beside = [path for path in root.iterdir() if path.name not in ("stages", "runs")]
    return sum(_below(path) if path.is_dir() else bytes_of(path) for path in beside)


def _below(folder: Path) -> int:
    return sum(bytes_of(path) for path in folder.rglob("*") if path.is_file() and not path.name.startswith(TEMPORARY))


def render_usage(found: Usage) -> str:
    """The same for people."""
    lines = [f"{found.root}: {size(found.total_bytes)}", ""]
    lines += [f"  {stage.stage:<12}{stage.files:>7} files  {size(stage.bytes):>10}" for stage in found.stages]
    lines += [f"  {'left over':<12}{found.leftover_files:>7} files  {size(found.leftover_bytes):>10}"]
    lines += [f"  {'reports, tracking, logs':<25}  {size(found.copies_bytes):>10}", ""]
    for run in found.runs:
        alone, shared = size(run.records_bytes + run.own_bytes), size(run.shared_bytes)
        lines.append(f"  {run.run_id}: {alone} of its own, {shared} shared")
    return "\n".join(lines)


def size(count: float) -> str:
    """``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"

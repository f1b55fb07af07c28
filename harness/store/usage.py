"""What the store holds: bytes by stage and by run."""

from __future__ import annotations

from harness.base import Frozen
from harness.store.blobs import STAGES
from harness.store.references import references_by_run
from harness.store.store import Store


class StageUsage(Frozen):
    """Files and bytes of one stage's results."""

    stage: str
    files: int
    bytes: int


class RunUsage(Frozen):
    """Bytes of a run's records, of results that only it refers to, and of those it shares."""

    run_id: str
    records_bytes: int
    own_bytes: int
    shared_bytes: int


class Usage(Frozen):
    """The whole store."""

    root: str
    stages: tuple[StageUsage, ...]
    runs: tuple[RunUsage, ...]
    leftover_files: int
    leftover_bytes: int

    @property
    def total_bytes(self) -> int:
        """Results, records and leftovers."""
        records = sum(run.records_bytes for run in self.runs)
        return sum(stage.bytes for stage in self.stages) + records + self.leftover_bytes


def usage(store: Store) -> Usage:
    """Measure the store; reads names and sizes, and the cells' records."""
    sizes = {(s, path.name): path.stat().st_size for s in STAGES for path in store.blobs.all(s)}
    stages = []
    for stage in STAGES:
        mine = [size for (s, _), size in sizes.items() if s == stage]
        stages.append(StageUsage(stage=stage, files=len(mine), bytes=sum(mine)))
    by_run = references_by_run(store)
    leftovers = [path.stat().st_size for path in store.blobs.leftovers()]
    runs = tuple(_run_usage(store, run_id, by_run, sizes) for run_id in by_run)
    return Usage(
        root=str(store.root),
        stages=tuple(stages),
        runs=runs,
        leftover_files=len(leftovers),
        leftover_bytes=sum(leftovers),
    )


def _run_usage(
    store: Store, run_id: str, by_run: dict[str, set[tuple[str, str]]], sizes: dict[tuple[str, str], int]
) -> RunUsage:
    others = set().union(*(keys for other, keys in by_run.items() if other != run_id))
    folder = store.runs.folder(run_id).path
    return RunUsage(
        run_id=run_id,
        records_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        own_bytes=sum(sizes.get(key, 0) for key in by_run[run_id] - others),
        shared_bytes=sum(sizes.get(key, 0) for key in by_run[run_id] & others),
    )


def render_usage(found: Usage) -> str:
    """The same for people."""
    lines = [f"{found.root}: {size(found.total_bytes)}", ""]
    lines += [f"  {stage.stage:<12}{stage.files:>7} files  {size(stage.bytes):>10}" for stage in found.stages]
    lines += [f"  {'left over':<12}{found.leftover_files:>7} files  {size(found.leftover_bytes):>10}", ""]
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

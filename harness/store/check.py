"""Read every record and every result back and verify it."""

from __future__ import annotations

from harness.base import Frozen
from harness.errors import HarnessError
from harness.store.blobs import STAGES, intact, put_aside
from harness.store.references import Reference, references
from harness.store.store import Store


class Checked(Frozen):
    """What was read; what was damaged (and put aside); what records name though it is not there; bad records."""

    files: int
    damaged: tuple[str, ...]
    absent: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not (self.damaged or self.absent or self.unreadable)

    def __str__(self) -> str:
        lines = [f"{self.files} results read, {len(self.damaged)} damaged, {len(self.absent)} named but not there"]
        lines += [f"  damaged, put aside: {name}" for name in self.damaged]
        lines += [f"  not there: {name}" for name in self.absent]
        lines += [f"  {text}" for text in self.unreadable]
        if self.damaged or self.absent:
            lines.append("Repeat the runs concerned: only what is missing is made again.")
        return "\n".join(lines)


def check(store: Store) -> Checked:
    """Verify the whole store; damaged results are put aside, so that they are made again."""
    files, damaged = 0, []
    for stage in STAGES:
        for path in store.blobs.all(stage):
            files += 1
            if not intact(path.read_bytes()):
                put_aside(path)
                damaged.append(f"{stage}/{path.name}")
    absent, unreadable = [], []
    for run_id in store.run_ids():
        try:
            absent += [f"{stage}/{key} ({run_id})" for stage, key in _absent(store, run_id)]
        except HarnessError as error:
            unreadable.append(f"{run_id}: {error}")
    return Checked(files=files, damaged=tuple(damaged), absent=tuple(absent), unreadable=tuple(unreadable))


def _absent(store: Store, run_id: str) -> list[Reference]:
    """Reads a run's records whole, rows included; gives the results that they name and that are not there."""
    store.load_run(run_id)
    for cell in store.load_cells(run_id):
        store.image_rows(run_id, cell.cell_id)
    return [found for found in sorted(references(store.runs.folder(run_id))) if not store.has(*found)]

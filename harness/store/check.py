"""Read every record and every result back and verify it."""

from __future__ import annotations

from itertools import zip_longest

from harness.base import Frozen
from harness.errors import HarnessError
from harness.store.blobs import STAGES, intact, put_aside
from harness.store.plain_zip import entry_sums
from harness.store.references import Reference, references
from harness.store.store import Store


class Checked(Frozen):
    """What was read; what was damaged (and put aside); what records name though it is not there; bad records.

    ``replaced``: pictures that are sound and are not those that a run's records name. ``--fresh`` puts others in their
    place on purpose, so that this is told and is no fault of the store.
    """

    files: int
    damaged: tuple[str, ...]
    absent: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    aside: int = 0  # results that were damaged and put aside before

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not (self.damaged or self.absent or self.unreadable)  # what was put aside may have been made again

    def __str__(self) -> str:
        lines = [f"{self.files} results read, {len(self.damaged)} damaged, {len(self.absent)} named but not there"]
        lines += [f"  damaged, put aside: {name}" for name in self.damaged]
        lines += [f"  put aside before: {self.aside}"] if self.aside else []
        lines += [f"  not there: {name}" for name in self.absent]
        lines += [f"  {text}" for text in self.unreadable]
        lines += [f"  made anew since, so that reports of the run show none: {text}" for text in self.replaced]
        if self.damaged or self.absent:
            lines.append("Repeat the runs concerned: only what is missing is made again.")
        return "\n".join(lines)


def check(store: Store) -> Checked:
    """Verify the whole store; damaged results are put aside, so that they are made again."""
    files, damaged, aside = 0, [], len(list(store.blobs.damaged()))
    for stage in STAGES:
        for path in store.blobs.all(stage):
            files += 1
            if not intact(path.read_bytes()):
                put_aside(path)
                damaged.append(f"{stage}/{path.name}")
    absent, unreadable, replaced = [], [], []
    known: dict[str, list[str]] = {}
    for run_id in store.run_ids():
        try:
            absent += [f"{stage}/{key} ({run_id})" for stage, key in _absent(store, run_id)]
            replaced += _replaced(store, run_id, known)
        except HarnessError as error:
            unreadable.append(f"{run_id}: {error}")
    return Checked(
        files=files,
        damaged=tuple(damaged),
        absent=tuple(absent),
        unreadable=tuple(unreadable),
        replaced=tuple(replaced),
        aside=aside,
    )


def _absent(store: Store, run_id: str) -> list[Reference]:
    """Reads a run's records whole, rows included; gives the results that they name and that are not there."""
    store.load_run(run_id)
    for cell in store.load_cells(run_id):
        store.image_rows(run_id, cell.cell_id)
    return [found for found in sorted(references(store.runs.folder(run_id))) if not store.has(*found)]


def _replaced(store: Store, run_id: str, known: dict[str, list[str]]) -> list[str]:
    """A line where pictures that a run's records name have made room for others.

    ``known``: key → the digests of what is stored under it; runs have batches in common, and each is read once.
    """
    batches = {batch.key: batch for cell in store.load_cells(run_id) for batch in cell.batches}
    there = [batch for batch in batches.values() if store.has("images", batch.key)]
    for key in {batch.key for batch in there} - set(known):
        known[key] = entry_sums(store.get("images", key)) or []
    others = sum(one != other for b in there for one, other in zip_longest(b.image_sha256, known[b.key]))
    total = sum(len(batch.rows) for batch in batches.values())
    return [f"{others} of {total} pictures of {run_id}"] if others else []

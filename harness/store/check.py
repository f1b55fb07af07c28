"""Read every result back and verify it."""

from __future__ import annotations

from harness.base import Frozen
from harness.store.blobs import STAGES, intact, put_aside
from harness.store.references import references_by_run
from harness.store.store import Store


class Checked(Frozen):
    """What was read, what was damaged (and put aside), and what records name though it is not there."""

    files: int
    damaged: tuple[str, ...]
    absent: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.files} results read, {len(self.damaged)} damaged, {len(self.absent)} named but not there"]
        lines += [f"  damaged, put aside: {name}" for name in self.damaged]
        lines += [f"  not there: {name}" for name in self.absent]
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
    absent = [
        f"{stage}/{key} ({run_id})"
        for run_id, keys in references_by_run(store).items()
        for stage, key in sorted(keys)
        if not store.has(stage, key)
    ]
    return Checked(files=files, damaged=tuple(damaged), absent=tuple(absent))

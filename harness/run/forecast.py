"""The plan of a spec, its seconds forecast from what this store's runs measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.plan.build import plan_file
from harness.plan.forecast import Pace, calls_of
from harness.plan.types import Plan, ReferenceSet
from harness.run.availability import lack_of
from harness.run.set_notes import with_notes_on_set
from harness.store.records import CellRecord
from harness.store.store import Store, open_store

if TYPE_CHECKING:
    from harness.run.reference_sets import Look

_NEWEST_RUNS = 5


def plan_spec(
    spec: str,
    *,
    only: Mapping[str, Sequence[str]],
    limit: int | None,
    device: str | None,
    store_path: Path,
    fetch: bool = True,
) -> Plan:
    """Load, check and plan a spec; ``fetch``: bring its pictures from the web."""
    known = (store_path / "store.json").exists() or store_path.is_file()
    paces = paces_of(open_store(store_path, create=False)) if known else []
    look = cache(_look_into)
    plan = plan_file(
        spec, only=only, limit=limit, device=device, paces=paces, fetch=fetch, lack=lack_of,
        count=lambda asked: look(asked).pictures,
    )  # fmt: skip
    return with_notes_on_set(plan, look)


def _look_into(asked: ReferenceSet) -> Look:
    from harness.run.reference_sets import look_into  # its numpy and safetensors wait until a spec names a set

    return look_into(asked)


def paces_of(store: Store) -> list[Pace]:
    """What the newest runs measured, newest first; a record that cannot be read tells nothing, and stops no plan."""
    found: list[Pace] = []
    for run_id in reversed(store.run_ids()[-_NEWEST_RUNS:]):
        with suppress(HarnessError):
            found += [pace for cell in store.load_cells(run_id) if (pace := _pace(cell)) is not None]
    return found


def _pace(cell: CellRecord) -> Pace | None:
    if cell.timing is None:
        return None
    rest = statistics.median(cell.timing.prior_s) / cell.timing.batch
    return Pace(
        model=cell.settings.model,
        task=cell.settings.task,
        dtype=cell.settings.dtype,
        height=cell.settings.height,
        width=cell.settings.width,
        call_s=max(cell.timing.latency_s - rest, 0.0) / calls_of(cell.settings),
        rest_s=rest,
        load_s=statistics.median(cell.timing.load_s) if cell.timing.load_s else 0.0,
        measured_in=cell.timing.measured_in,
    )

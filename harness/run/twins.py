"""Earlier runs of the same meaning: one that was stopped and is continued, or one that leaves nothing to do."""

from __future__ import annotations

from collections.abc import Iterator

from harness.plan.types import Cell, Plan
from harness.run.keybook import KeyBook
from harness.run.scoring import needed_weights
from harness.run.scoring_code import scoring_of
from harness.run.set_features import keys_of, weights_against_set
from harness.store.records import CellRecord, RunRecord
from harness.store.runs import slug
from harness.store.store import Store


def interrupted_twin(store: Store, plan: Plan, name: str) -> RunRecord | None:
    """The newest run of that name and meaning, if it was stopped before its end; it counts one more resumption."""
    newest = next(_same(store, plan, name), None)
    if newest is None or newest.status in ("finished", "failed-cells"):
        return None
    return newest.model_copy(update={"resumed": newest.resumed + 1, "plan": plan, "finished_ms": None})


def finished_twin(store: Store, plan: Plan, name: str, book: KeyBook, fingerprint: str) -> RunRecord | None:
    """The newest run of that name and meaning that holds every result under today's keys, or ``None``."""
    newest = next(_same(store, plan, name), None)
    if newest is None or newest.status != "finished" or newest.environment_digest != fingerprint:
        return None
    records = {record.cell_id: record for record in store.load_cells(newest.run_id)}
    whole = all(cell.id in records and _whole(store, plan, book, records[cell.id]) for cell in plan.cells)
    return newest if whole else None


def _same(store: Store, plan: Plan, name: str) -> Iterator[RunRecord]:
    """Runs of that name, newest first, that plan the same cells and rows."""
    for run_id in reversed(store.run_ids()):
        if slug(name) not in run_id:
            continue  # most others need not be read
        record = store.load_run(run_id)
        if record.name == name and _meaning(record.plan) == _meaning(plan):
            yield record


def _meaning(plan: Plan) -> tuple[object, ...]:
    """What decides a run's results, text and forecast aside; not which cells turned out to be references."""
    open_ = {"reference": None, "is_reference": False} if plan.first_that_fits else {}
    return (
        [cell.model_copy(update=open_) for cell in plan.cells],
        plan.first_that_fits,
        plan.rows,
        plan.limit,
        plan.metrics,
        plan.reference_set,
        plan.margins,
        plan.timing,
        plan.models,
        plan.device,
        plan.threads,
    )


def _whole(store: Store, plan: Plan, book: KeyBook, record: CellRecord) -> bool:
    cell = plan.cell(record.cell_id)
    images = [book.images(cell, rows) for rows in plan.batches(cell)]
    features = {weights: book.features(cell, weights) for weights in needed_weights(plan, cell)}
    return (
        [batch.key for batch in record.batches] == images
        and record.features == features
        and record.scoring == scoring_of(plan, cell)
        and _against_same_set(store, plan, book, cell, record)
        and (record.timing is not None or not plan.timing.enabled or cell.is_converged)
        and all(store.has("images", key) for key in images)
        and all(store.has("features", key) for key in features.values())
    )


def _against_same_set(store: Store, plan: Plan, book: KeyBook, cell: Cell, record: CellRecord) -> bool:
    """Whether today's reference set is the one that the record's scores were held against."""
    names = weights_against_set(plan, cell)
    identity = book.reference_set.identity if names and book.reference_set else ""
    keys = keys_of(plan, book, cell)
    there = all(store.has("features", key) for key in keys.values())
    return (record.reference_set, record.reference_features) == (identity, keys) and there

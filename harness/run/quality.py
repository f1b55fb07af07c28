"""The quality pass: every image of the plan, as busy as the hardware allows, each batch stored as it is made."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from harness.plan.needs import assets_of
from harness.plan.types import Cell, InputRow, LoadGroup
from harness.run.desk import Desk, Turn
from harness.run.executor import Worker, timeout_failure, wait
from harness.run.ledger import now_ms
from harness.run.pictures import batch_ref, made_in, origin
from harness.run.protocol import Hints, Make, MakeDone, Reply
from harness.run.station import Station, raise_if_disk
from harness.run.work import Gate, chunks
from harness.store.records import BatchRef, CellRecord, Evidence, Failure

_AHEAD = 2  # requests in flight: the next batch is denoised while the last one's PNGs are written


@dataclass(frozen=True)
class Batch:
    """One batch of a cell and its keys."""

    rows: tuple[InputRow, ...]
    prior_key: str | None
    images_key: str


@dataclass(frozen=True)
class _Flight:
    """A batch under way, and the turn it holds on its prior."""

    batch: Batch
    worker: Worker
    reply: Future[Reply]
    turn: Turn | None


def batches_of(desk: Desk, cell: Cell) -> list[Batch]:
    """A cell's batches with their keys, in order."""
    return [Batch(rows, desk.keys.prior(cell, rows), desk.keys.images(cell, rows)) for rows in desk.plan.batches(cell)]


def hints_of(desk: Desk, cell: Cell, rows: tuple[InputRow, ...]) -> Hints:
    """The depth that is to be estimated for some rows of a cell."""
    estimator = desk.plan.estimator_of(cell)
    row = None if estimator is None else desk.scorers[estimator]
    return Hints(estimator=row, keys=tuple(desk.keys.hints(cell, rows)), fresh=desk.fresh)


def missing_batches(desk: Desk, cell: Cell) -> list[Batch]:
    """Those whose pictures the store lacks (under ``fresh``: lacks from this very run)."""
    return [b for b in batches_of(desk, cell) if not _have(desk, b)]


def _have(desk: Desk, batch: Batch) -> bool:
    if not desk.store.has("images", batch.images_key):
        return False
    return not desk.fresh or made_in(desk.store, batch.images_key) == desk.run_id


def quality_pass(desk: Desk, stations: list[Station], done: Callable[[CellRecord], None]) -> None:
    """Make every missing picture; ``done`` is called, from a station's thread, for each cell with all its pictures.

    A cell that is held against a converged solution is handed over when that is there too, or has failed.
    """
    total, left = _count(desk)
    desk.tell.begin("images", total, total - left)
    errors: list[BaseException] = []
    work, gate = deque(chunks(desk.plan, len(stations))), Gate(done)
    threads = [threading.Thread(target=_man, args=(desk, s, work, gate, errors), daemon=True) for s in stations]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():  # a bounded join, so that Ctrl-C reaches the main thread
                thread.join(0.2)
    except BaseException:
        desk.stopping.set()
        raise
    if errors:
        raise errors[0]


def _count(desk: Desk) -> tuple[int, int]:
    """Pictures in all, and those to make; a batch that several cells have in common counts once."""
    known: set[str] = set()
    total = left = 0
    for cell in desk.plan.cells:
        batches = [batch for batch in batches_of(desk, cell) if batch.images_key not in known]
        total += sum(len(batch.rows) for batch in batches)
        left += sum(len(batch.rows) for batch in batches if not _have(desk, batch))
        known |= {batch.images_key for batch in batches}
    return total, left


def _man(
    desk: Desk,
    station: Station,
    work: deque[tuple[LoadGroup, list[Cell]]],
    gate: Gate,
    errors: list[BaseException],
) -> None:
    """A station's thread: chunk after chunk until none is left or one station met an error that ends the run."""
    try:
        while not errors:
            try:
                group, cells = work.popleft()
            except IndexError:
                return
            for cell in cells:
                if errors:
                    return
                gate.settle(cell, make_cell(desk, station, group, cell))
    except BaseException as error:  # handed to the main thread, which raises it
        errors.append(error)


def make_cell(desk: Desk, station: Station, group: LoadGroup, cell: Cell) -> CellRecord:
    """One cell's pictures: those that the store has are taken, the others are made."""
    began = desk.ledger.cells[cell.id].started_ms or now_ms()
    desk.ledger.cell(cell.id, started_ms=began, status="pending", failure=None)
    missing = missing_batches(desk, cell)
    made: dict[str, MakeDone] = {}
    if missing:
        failure = _make(desk, station, group, cell, missing, made)
        if failure is not None:
            desk.go_on()
            desk.tell.say(f"failed: {cell.label}: {failure.reason}")
            return desk.ledger.fail(cell.id, failure)
    refs = [_ref(desk, batch, made) for batch in batches_of(desk, cell)]
    known = [origin(desk.store, ref.key) for ref in refs]
    return desk.ledger.cell(
        cell.id,
        batches=refs,
        scheduler=known[0]["scheduler"],
        evidence=_evidence(known),
        weights=desk.keys.weights(cell),
        inputs=_inputs(desk, cell),
        hints=_hints(desk, cell),
        truncated=_truncated(desk, refs),
    )


def _evidence(batches: list[dict[str, Any]]) -> list[Evidence]:
    """Of each optimization, as its batches' makers found it; what they found alike counts once."""
    found = [Evidence.model_validate(one) for batch in batches for one in batch.get("evidence", [])]
    last = {(one.requested, one.part, one.outcome): one for one in found}
    return list(last.values())


def _inputs(desk: Desk, cell: Cell) -> dict[str, str]:
    """What the cell's pictures start from, so that the store keeps it as long as the record."""
    pairs = ((row.id, key) for row in desk.plan.rows_of(cell) for key in assets_of(row, cell.settings.task))
    return {f"{desk.plan.assets[key].mode} {key[:6]} of {row_id}": key for row_id, key in pairs}


def _hints(desk: Desk, cell: Cell) -> dict[str, str]:
    rows = desk.plan.rows_of(cell)
    return {row.id: key for row, key in zip(rows, desk.keys.hints(cell, rows), strict=True) if key is not None}


def _truncated(desk: Desk, refs: list[BatchRef]) -> dict[str, dict[str, str]]:
    """Row id -> which text encoder -> the words that it dropped; kept with the pictures."""
    found: dict[str, dict[str, str]] = {}
    for ref in refs:
        known = origin(desk.store, ref.key).get("truncated", [{}] * len(ref.rows))
        found |= {row_id: dropped for row_id, dropped in zip(ref.rows, known, strict=True) if dropped}
    return found


def _ref(desk: Desk, batch: Batch, made: dict[str, MakeDone]) -> BatchRef:
    ref = batch_ref(desk.store, batch.images_key, [row.id for row in batch.rows], desk.run_id)
    reused = ref.reused and batch.images_key not in made
    return ref.model_copy(update={"reused": reused, "prior_key": batch.prior_key or ""})


def _make(
    desk: Desk,
    station: Station,
    group: LoadGroup,
    cell: Cell,
    missing: list[Batch],
    made: dict[str, MakeDone],
) -> Failure | None:
    """Loading has the cell's time to itself: the first cell of a group pays for it no more than the others."""
    limit = desk.plan.cell_timeout_s
    loaded = station.load(group, desk.models[cell.settings.model], limit)
    if isinstance(loaded, Failure):
        return loaded
    if loaded is not None:
        desk.tell_of_compiling(group, "its first picture")
    worker = station.worker()  # this one has loaded: should it die, another would only say that nothing is loaded
    deadline = None if limit is None else time.monotonic() + limit
    flight: deque[_Flight] = deque()
    waiting = deque(missing)
    failure: Failure | None = None
    while flight or (waiting and failure is None):
        while waiting and len(flight) < _AHEAD and failure is None:
            flight.append(_submit(desk, worker, cell, waiting.popleft()))
        landed = flight.popleft()
        reply = _settle(desk, landed, deadline)
        if reply.failure is not None:
            failure = failure or reply.failure
        else:
            made[landed.batch.images_key] = _book(desk, cell, landed.batch, MakeDone.model_validate(reply.answer))
    return failure


def _submit(desk: Desk, worker: Worker, cell: Cell, batch: Batch) -> _Flight:
    turn = None
    if batch.prior_key is not None and not _prior_known(desk, batch.prior_key):
        turn = desk.turns.lock(batch.prior_key)
        turn.acquire()
    request = Make(
        settings=cell.settings,
        rows=batch.rows,
        hints=hints_of(desk, cell, batch.rows),
        prior_key=batch.prior_key,
        images_key=batch.images_key,
        made_in=desk.run_id,
        fresh=desk.fresh and batch.prior_key not in desk.fresh_priors,  # another station may just have made it
    )
    return _Flight(batch, worker, worker.submit(request), turn)


def _prior_known(desk: Desk, key: str) -> bool:
    return key in desk.fresh_priors if desk.fresh else desk.store.has("prior", key)


def _settle(desk: Desk, flight: _Flight, deadline: float | None) -> Reply:
    try:
        reply = wait(flight.worker, flight.reply, _left(deadline))
        if reply.failure is not None and reply.failure.kind == "timeout":
            reply = reply.model_copy(update={"failure": timeout_failure(desk.plan.cell_timeout_s or 0.0)})
    finally:
        if flight.turn is not None:
            flight.turn.release()
    raise_if_disk(reply)
    return reply


def _book(desk: Desk, cell: Cell, batch: Batch, done: MakeDone) -> MakeDone:
    if batch.prior_key is not None:
        desk.fresh_priors.add(batch.prior_key)
    desk.tell.advance("images", cell.label, len(batch.rows))
    return done


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.0)

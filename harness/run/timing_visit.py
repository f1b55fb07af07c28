"""One visit of one load group: a fresh worker, its cells' calls sweep after sweep, and the bracket at its end."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.measure.memory import ResidentMemory
from harness.plan.forecast import calls_of
from harness.plan.types import Cell, LoadGroup
from harness.run.desk import Desk
from harness.run.executor import call
from harness.run.protocol import Time, TimeDone, Watch, WatchDone
from harness.run.quality import hints_of
from harness.run.station import Station, raise_if_disk
from harness.run.timing_record import Samples
from harness.store.records import Failure

_BRACKET = 3  # calls at a visit's end, whose median counts: a single slow call is no drift


def decoder_calls(cell: Cell, calls: int) -> int:
    """Calls of the decoder's network in so many calls of the pipeline."""
    return calls * calls_of(cell.settings)


@dataclass
class Visit:
    """One visit of one load group."""

    desk: Desk
    station: Station
    group: LoadGroup
    cells: list[Cell]
    round_index: int
    samples: defaultdict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))
    lost: dict[str, Failure] = field(default_factory=dict)
    died: bool = False  # its worker, of the last cell that was lost

    @property
    def baseline(self) -> Cell:
        """The cell that brackets the visit: the reference where the group holds it, else the first."""
        return next((cell for cell in self.cells if cell.is_reference), self.cells[0])


def steps_of(visit: Visit) -> Generator[None]:
    """Make it, call by call: a step to load, then one for each cell of each sweep. Closing it ends the worker."""
    desk, rules = visit.desk, visit.desk.plan.timing
    try:
        with _memory(visit.station) as memory:
            loaded = visit.station.load(
                visit.group, desk.models[visit.group.model], desk.plan.cell_timeout_s, cold=True
            )
            if isinstance(loaded, Failure):
                visit.lost = {cell.id: loaded for cell in visit.cells}
                desk.tell.say(f"no timing for {visit.group.model}: {loaded.reason}")
            elif loaded is not None:
                for cell in visit.cells:
                    visit.samples[cell.id].load_s.append(loaded.load_s)
            yield
            for sweep in range(rules.repeats):
                for cell in visit.cells:
                    warmups = rules.warmups if sweep == 0 else 0
                    _time(visit, cell, memory, warmups=warmups)
                    desk.ledger.timed(decoder_calls(cell, warmups + 1))
                    desk.tell.advance("timing", cell.label, decoder_calls(cell, warmups + 1))
                    yield
            if visit.baseline.id not in visit.lost:
                _time(visit, visit.baseline, memory, warmups=0, bracket=True)
            if visit.round_index == 0 and not visit.died:
                _watch_all(visit)
    finally:
        visit.station.stop()


@contextmanager
def _memory(station: Station) -> Iterator[ResidentMemory]:
    """Resident memory of the visit's worker, sampled from outside it."""
    worker = station.worker()
    assert worker.pid is not None
    with ResidentMemory(worker.pid) as memory:
        yield memory


def _time(visit: Visit, cell: Cell, memory: ResidentMemory, *, warmups: int, bracket: bool = False) -> None:
    """One timed call of one cell, after its warm-ups in the visit's first sweep.

    The peak of memory is that call's alone: warm-ups, and a compiler at work in them, end before the sampler begins.
    """
    if visit.died or cell.id in visit.lost:
        return
    warm = _asked(visit, cell, warmups, repeats=0) if warmups else None
    if cell.id in visit.lost:
        return
    memory.reset()
    done = _asked(visit, cell, 0, repeats=_BRACKET if bracket else 1)
    if done is None:
        return
    sample = visit.samples[cell.id]
    if bracket:
        sample.bracket_s[visit.round_index].append(statistics.median(done.steady_s))
    else:
        is_first = warm is not None and cell is visit.cells[0]  # nothing was called before it in this visit
        sample.add(done, visit.round_index, first_call_s=warm.first_call_s if warm and is_first else None)
    greeting = visit.station.greeting
    if warmups:  # later calls begin with what other cells left behind
        sample.note_memory(done, memory.peak_bytes, greeting.idle_bytes if greeting else None)


def _asked(visit: Visit, cell: Cell, warmups: int, repeats: int) -> TimeDone | None:
    """The worker's answer; ``None`` where the cell is lost of it."""
    request = _request(visit.desk, cell, warmups, repeats)
    reply = call(visit.station.worker(), request, visit.desk.plan.cell_timeout_s)
    raise_if_disk(reply)
    if reply.failure is None:
        return TimeDone.model_validate(reply.answer)
    visit.lost[cell.id] = reply.failure
    visit.died = reply.failure.kind in ("worker-died", "timeout")
    visit.desk.tell.say(f"no timing for {cell.label}: {reply.failure.reason}")
    return None


def _watch_all(visit: Visit) -> None:
    """One instrumented call of each cell, after all that count; a worker that dies of it leaves the rest unwatched."""
    for cell in visit.cells:
        if cell.id not in visit.lost and not _watch(visit, cell):
            return


def _watch(visit: Visit, cell: Cell) -> bool:
    """Whether the worker lives on. Should the call fail, the timing stands, and says so."""
    desk, rows = visit.desk, visit.desk.plan.rows_of(cell)[: visit.desk.plan.timing.batch]
    key = desk.keys.latents(cell) if desk.plan.audits else ""
    request = Watch(settings=cell.settings, rows=rows, hints=hints_of(desk, cell, rows), latents_key=key)
    reply = call(visit.station.worker(), request, desk.plan.cell_timeout_s)
    raise_if_disk(reply)
    sample = visit.samples[cell.id]
    if reply.failure is None:
        done = WatchDone.model_validate(reply.answer)
        sample.stages, sample.evidence = done.stages, done.evidence
        sample.energy_j, sample.energy_reason = done.energy_j, done.energy_reason
    else:
        sample.disturbances.append(f"the instrumented call failed: {reply.failure.reason}")
        return reply.failure.kind not in ("worker-died", "timeout")
    return True


def _request(desk: Desk, cell: Cell, warmups: int, repeats: int) -> Time:
    rows = desk.plan.rows_of(cell)[: desk.plan.timing.batch]
    holder = desk.plan.batches(cell)[0]
    key = desk.keys.images(cell, holder) if len(rows) <= len(holder) else None
    hints = hints_of(desk, cell, rows)
    return Time(settings=cell.settings, rows=rows, hints=hints, warmups=warmups, repeats=repeats, images_key=key)

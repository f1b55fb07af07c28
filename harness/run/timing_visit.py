"""One visit of one load group: a fresh worker, its cells' calls sweep after sweep, and the bracket at its end."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

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
    """One visit of one load group; ``heads``: its cells' references that a companion is to call beside it."""

    desk: Desk
    station: Station
    group: LoadGroup
    cells: list[Cell]
    round_index: int
    samples: defaultdict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))
    lost: dict[str, Failure] = field(default_factory=dict)
    died: bool = False  # its worker, of the last cell that was lost
    heads: dict[str, Cell] = field(default_factory=dict)

    @property
    def baseline(self) -> Cell:
        """The cell that brackets the visit: the reference where the group holds it, else the first."""
        return next((cell for cell in self.cells if cell.is_reference), self.cells[0])


def steps_of(visit: Visit) -> Generator[None]:
    """Make it, step by step: to load, then each cell's warm-ups, and each call. Closing it ends the worker."""
    try:
        with _memory(visit.station) as memory:
            _load(visit)
            yield
            yield from _sweeps(visit, memory)
            _end(visit)
    finally:
        visit.station.stop()


def _load(visit: Visit) -> None:
    desk = visit.desk
    loaded = visit.station.load(visit.group, desk.models[visit.group.model], desk.plan.cell_timeout_s, cold=True)
    if isinstance(loaded, Failure):
        visit.lost = {cell.id: loaded for cell in visit.cells}
        desk.tell.say(f"no timing for {visit.group.model}: {loaded.reason}")
    elif loaded is not None:
        for cell in visit.cells:
            visit.samples[cell.id].load_s.append(loaded.load_s)
        if visit.round_index == 0:
            desk.tell_of_compiling(visit.group, "its first timed call, in each round")


class Step(NamedTuple):
    """What a visit does next with a cell: its warm-ups, or one timed call."""

    sweep: int
    cell: Cell
    is_warm_up: bool


def schedule(visit: Visit) -> Iterator[Step]:
    """Every sweep through the cells; in the first one each is warmed up before its call, in a step of its own."""
    rules = visit.desk.plan.timing
    for sweep in range(rules.repeats):
        for cell in visit.cells:
            if sweep == 0 and rules.warmups:
                yield Step(sweep, cell, is_warm_up=True)
            yield Step(sweep, cell, is_warm_up=False)


def _sweeps(visit: Visit, memory: ResidentMemory) -> Generator[None]:
    """The scheduled steps; a call's warm-ups, if it had any, came just before it."""
    rules, warm = visit.desk.plan.timing, None
    for step in schedule(visit):
        if step.is_warm_up:
            warm = _asked(visit, step.cell, rules.warmups, repeats=0)
        else:
            _time(visit, step.cell, memory, warm)
            _tell(visit, step.cell, 1 + (rules.warmups if step.sweep == 0 else 0))
            warm = None
        yield


def _tell(visit: Visit, cell: Cell, calls: int) -> None:
    """The reference's calls beside it are counted as made, whether or not there was a companion to make them."""
    head = visit.heads.get(cell.id)
    steps = decoder_calls(cell, calls) + (decoder_calls(head, calls) if head is not None else 0)
    visit.desk.ledger.timed(steps)
    visit.desk.tell.advance("timing", cell.label, steps)


def _end(visit: Visit) -> None:
    """The bracket, and in the first round the instrumented calls."""
    if visit.baseline.id not in visit.lost:
        _bracket(visit)
    if visit.round_index == 0 and not visit.died:
        _watch_all(visit)


@contextmanager
def _memory(station: Station) -> Iterator[ResidentMemory]:
    """Resident memory of the visit's worker, sampled from outside it."""
    pid = station.worker().pid
    assert pid is not None
    with ResidentMemory(pid) as memory:
        yield memory


def _time(visit: Visit, cell: Cell, memory: ResidentMemory, warm: TimeDone | None) -> None:
    """One timed call of one cell; ``warm``: what its warm-ups gave, where they came just before it.

    The peak of memory is that call's alone: warm-ups, and a compiler at work in them, end before the sampler begins.
    """
    memory.reset()
    done = _asked(visit, cell, 0, repeats=1)
    if done is None:
        return
    sample = visit.samples[cell.id]
    is_first = warm is not None and cell is visit.cells[0]  # nothing was called before it in this visit
    sample.add(done, visit.round_index, first_call_s=warm.first_call_s if warm and is_first else None)
    greeting = visit.station.greeting
    if warm is not None:  # later calls begin with what other cells left behind
        sample.note_memory(done, memory.peak_bytes, greeting.idle_bytes if greeting else None)


def _bracket(visit: Visit) -> None:
    done = _asked(visit, visit.baseline, 0, repeats=_BRACKET)
    if done is not None:
        visit.samples[visit.baseline.id].bracket_s[visit.round_index].append(statistics.median(done.steady_s))


def _asked(visit: Visit, cell: Cell, warmups: int, repeats: int) -> TimeDone | None:
    """The worker's answer; ``None`` where the cell is lost, of it or before."""
    if visit.died or cell.id in visit.lost:
        return None
    done = ask(visit.desk, visit.station, cell, warmups, repeats)
    if not isinstance(done, Failure):
        return done
    visit.lost[cell.id] = done
    visit.died = done.kind in ("worker-died", "timeout")
    visit.desk.tell.say(f"no timing for {cell.label}: {done.reason}")
    return None


def ask(desk: Desk, station: Station, cell: Cell, warmups: int, repeats: int) -> TimeDone | Failure:
    """A station's worker times one cell that is loaded."""
    reply = call(station.worker(), _request(desk, cell, warmups, repeats), desk.plan.cell_timeout_s)
    raise_if_disk(reply)
    return reply.failure if reply.failure is not None else TimeDone.model_validate(reply.answer)


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

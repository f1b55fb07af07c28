"""The timing pass: alone on the machine, repeats interleaved, every load group visited in at least two rounds.

A visit is a fresh worker with only that group loaded. Within it, sweep after sweep goes once through the group's
cells (A B C A B C …), and the group's baseline is timed once more at the end: with the first sweep it brackets the
visit. Only the first ``batch`` rows are timed; their pictures are compared with the quality pass's.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.measure.memory import ResidentMemory
from harness.plan.forecast import calls_of
from harness.plan.types import Cell, LoadGroup
from harness.run.desk import Desk
from harness.run.executor import call
from harness.run.protocol import Time, TimeDone, Watch, WatchDone
from harness.run.quality import hints_of
from harness.run.station import Post, Station, raise_if_disk
from harness.run.timing_record import Samples, StoredTiming, memory_of, store_timing, stored_timing, timing_of
from harness.store.records import NOT_TIMED_YET, Failure

_NONE: dict[str, Any] = {"timing": None, "memory": None, "timing_key": "", "timing_failure": None}
_BRACKET = 3  # calls at a visit's end, whose median counts: a single slow call is no drift


def untimed_cells(desk: Desk, *, whole: bool = False) -> list[Cell]:
    """The cells that still need a timing: made whole, and not timed before in an identical environment.

    A pass that was cut off while it closed its cells is made again as a whole: only calls of the same visits compare.
    ``whole``: so is one that was cut off elsewhere.
    """
    known: dict[str, StoredTiming | None] = {}
    for cell in desk.plan.cells:
        if cell.is_converged:
            desk.ledger.cell(cell.id, timing_reason="a converged solution is not timed")
        elif desk.ledger.cells[cell.id].status == "failed":
            desk.ledger.cell(cell.id, timing_reason="the cell failed")
        else:
            known[cell.id] = _known(desk, cell)
    if whole or None in known.values():
        known = {
            name: None if found and found.timing.measured_in == desk.run_id else found for name, found in known.items()
        }
    for cell_id, found in known.items():
        key = desk.keys.timing(desk.plan.cell(cell_id))
        taken = {**_NONE, "timing": found.timing, "memory": found.memory, "timing_key": key} if found else _NONE
        desk.ledger.cell(cell_id, timing_reason=None, **taken)
    return [cell for cell in desk.plan.cells if cell.id in known and known[cell.id] is None]


def _known(desk: Desk, cell: Cell) -> StoredTiming | None:
    """A cell's stored timing; where the run may take no other's, only its own."""
    found = stored_timing(desk.store, desk.keys.timing(cell))
    if found is not None and (desk.fresh or desk.remeasure) and found.timing.measured_in != desk.run_id:
        return None
    return found


def timing_pass(desk: Desk, post: Post) -> None:
    """Time what has no timing yet; a cell that fails here keeps its pictures and says why it has no timing."""
    timed = TimingPass(desk, post, {cell.id for cell in untimed_cells(desk)})
    timed.begin()
    for round_index in range(desk.plan.timing.rounds):
        for group in desk.plan.groups:
            timed.visit(group, round_index)
    timed.close()


@dataclass
class TimingPass:
    """The pass of one run, visit by visit, so that two of them can take turns."""

    desk: Desk
    post: Post
    todo: set[str]  # ids of the cells to time
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))

    def begin(self) -> None:
        """Say what is ahead, in calls of the model: cells of few steps and of many are not alike."""
        rules = self.desk.plan.timing
        cells = [self.desk.plan.cell(cell_id) for cell_id in self.todo]
        total = rules.rounds * sum(_calls(cell, rules.warmups + rules.repeats) for cell in cells)
        for cell in cells:
            self.desk.ledger.cell(cell.id, timing_reason=NOT_TIMED_YET)
        self.desk.ledger.save(timed_calls=0, calls_to_time=total)
        self.desk.tell.begin("timing", total)

    def visit(self, group: LoadGroup, round_index: int) -> None:
        """One visit of one group, in a fresh worker."""
        for _ in self.calls(group, round_index):
            pass

    def calls(self, group: LoadGroup, round_index: int) -> Generator[None]:
        """The same, call by call, for another pass to make one of its own in between; closing it ends the worker."""
        yield from _round(self.desk, self.post, group, self.todo, round_index, self.samples)
        self.desk.ledger.save()

    def close(self) -> None:
        """Turn all samples into records."""
        for cell_id in self.todo:
            _close(self.desk, self.desk.plan.cell(cell_id), self.samples[cell_id], self.samples)
        self.desk.ledger.save(timed_calls=0, calls_to_time=0)


def _calls(cell: Cell, calls: int) -> int:
    """Calls of the decoder's network in so many calls of the pipeline."""
    return calls * calls_of(cell.settings)


def _round(
    desk: Desk, post: Post, group: LoadGroup, todo: set[str], round_index: int, samples: dict[str, Samples]
) -> Generator[None]:
    """Visit a group; when its worker dies, visit it again without the cell that it died of, and from the start.

    Half a visit is thrown away: every cell of it must have the same number of calls, side by side.
    """
    while True:
        cells = [desk.plan.cell(i) for i in group.cells if i in todo and samples[i].failure is None]
        if not cells:
            return
        at = round_index % len(cells)  # another cell goes first each time: only the first one meets a cold worker
        visit = _Visit(desk, Station(post), group, cells[at:] + cells[:at], round_index, defaultdict(Samples))
        yield from _visit(visit)
        for cell_id, failure in visit.lost.items():
            samples[cell_id].failure = failure
        if not visit.died:
            for cell_id, taken in visit.samples.items():
                samples[cell_id].extend(taken)
            return


@dataclass
class _Visit:
    """One visit of one load group."""

    desk: Desk
    station: Station
    group: LoadGroup
    cells: list[Cell]
    round_index: int
    samples: dict[str, Samples]
    lost: dict[str, Failure] = field(default_factory=dict)
    died: bool = False  # its worker, of the last cell that was lost

    @property
    def baseline(self) -> Cell:
        """The cell that brackets the visit: the reference where the group holds it, else the first."""
        return next((cell for cell in self.cells if cell.is_reference), self.cells[0])


def _visit(visit: _Visit) -> Generator[None]:
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
                    desk.ledger.timed(_calls(cell, warmups + 1))
                    desk.tell.advance("timing", cell.label, _calls(cell, warmups + 1))
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


def _time(visit: _Visit, cell: Cell, memory: ResidentMemory, *, warmups: int, bracket: bool = False) -> None:
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


def _asked(visit: _Visit, cell: Cell, warmups: int, repeats: int) -> TimeDone | None:
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


def _watch_all(visit: _Visit) -> None:
    """One instrumented call of each cell, after all that count; a worker that dies of it leaves the rest unwatched."""
    for cell in visit.cells:
        if cell.id not in visit.lost and not _watch(visit, cell):
            return


def _watch(visit: _Visit, cell: Cell) -> bool:
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


def _close(desk: Desk, cell: Cell, sample: Samples, samples: dict[str, Samples]) -> None:
    """Turn a cell's samples into its record and keep them for later runs."""
    if sample.failure is not None:
        desk.ledger.cell(cell.id, timing_reason=sample.failure.reason, timing_failure=sample.failure)
        return
    timing = timing_of(sample, desk.plan.timing.batch, desk.run_id, _drift(desk, cell, samples))
    memory = memory_of(sample)
    store_timing(desk.store, desk.keys.timing(cell), timing, memory)
    key = desk.keys.timing(cell)
    desk.ledger.cell(cell.id, timing=timing, memory=memory, timing_key=key, timing_reason=None)


def _drift(desk: Desk, cell: Cell, samples: dict[str, Samples]) -> float | None:
    """How far the group's baseline moved, within a visit and between visits."""
    group = next(g for g in desk.plan.groups if g.id == cell.group)
    timed = [samples[c] for c in group.cells if c in samples and samples[c].bracket_s]
    return max((sample.drift() for sample in timed), default=None)

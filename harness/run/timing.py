"""The timing pass: alone on the machine, repeats interleaved, every load group visited in at least two rounds.

A visit is a fresh worker with only that group loaded. Within it, sweep after sweep goes once through the group's
cells (A B C A B C …), and the group's baseline is timed once more at the end: with the first sweep it brackets the
visit. Only the first ``batch`` rows are timed; their pictures are compared with the quality pass's.

On a processor a group that is held against another one's cells is not visited alone: a companion with that other group
loaded calls them in turn with the group's own, so that each visit knows its reference by calls of the same seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.plan.types import Cell, LoadGroup
from harness.run.desk import Desk
from harness.run.station import Post, Station
from harness.run.timing_record import Samples, StoredTiming, memory_of, store_timing, stored_timing, timing_of
from harness.run.timing_visit import Visit, decoder_calls, steps_of
from harness.store.records import NOT_TIMED_YET, Failure, Turns

ELSEWHERE = "it could not be timed in the other environment: nothing would be held against it"
_ENDED = object()
_NONE: dict[str, Any] = {"timing": None, "memory": None, "timing_key": "", "timing_failure": None}


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
    both = turns_on(post.device) == "call"
    timed = TimingPass(desk, post, {cell.id for cell in untimed_cells(desk)}, companions=both)
    timed.begin()
    for round_index in range(desk.plan.timing.rounds):
        for group in desk.plan.groups:
            one_round([timed], group, round_index)
    timed.close()


def turns_on(device: str) -> Turns:
    """Call by call on a processor; on an accelerator, whose memory two models might not share, visit by visit."""
    return "call" if device == "cpu" else "visit"


@dataclass
class TimingPass:
    """The pass of one run, visit by visit, so that two of them can take turns.

    ``companions``: what a group is held against is called beside it, in turn with its own cells.
    """

    desk: Desk
    post: Post
    todo: set[str]  # ids of the cells to time
    companions: bool = False
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))

    def begin(self) -> None:
        """Say what is ahead, in calls of the model: cells of few steps and of many are not alike."""
        rules = self.desk.plan.timing
        cells = [self.desk.plan.cell(cell_id) for cell_id in self.todo]
        total = rules.rounds * sum(decoder_calls(cell, rules.warmups + rules.repeats) for cell in cells)
        for cell in cells:
            self.desk.ledger.cell(cell.id, timing_reason=NOT_TIMED_YET)
        self.desk.ledger.save(timed_calls=0, calls_to_time=total)
        self.desk.tell.begin("timing", total)

    def opened(self, group: LoadGroup, round_index: int) -> Visit | None:
        """A visit of the group's cells that are left, in a fresh worker; ``None``: none is."""
        cells = [self.desk.plan.cell(i) for i in group.cells if i in self.todo and self.samples[i].failure is None]
        if not cells:
            return None
        at = round_index % len(cells)  # another cell goes first each time: only the first one meets a cold worker
        visit = Visit(self.desk, Station(self.post), group, cells[at:] + cells[:at], round_index)
        visit.companion = self._companion(visit) if self.companions else None
        return visit

    def _companion(self, visit: Visit) -> Visit | None:
        """The references of a visit's cells, in their order, where another group holds them and they are timed too."""
        plan = self.desk.plan
        heads = [plan.cell(cell.reference) for cell in visit.cells if cell.reference in self.todo]
        apart = [one for one in heads if one.group != visit.group.id and self.samples[one.id].failure is None]
        group = next((group for group in plan.groups if apart and group.id == apart[0].group), None)
        if group is None:
            return None
        cells = [one for one in apart if one.group == group.id]
        return Visit(self.desk, Station(self.post), group, cells, visit.round_index, beside=visit)

    def lose(self, own: Mapping[str, Failure], everywhere: Iterable[str]) -> None:
        """Take out what failed here, and what did in the other pass: nothing would be held against it."""
        for cell_id, failure in own.items():
            self.samples[cell_id].failure = failure
        for cell_id in self.todo.intersection(everywhere).difference(own):
            self.todo.remove(cell_id)
            self.desk.ledger.cell(cell_id, timing_reason=ELSEWHERE)

    def keep(self, visit: Visit) -> None:
        """Count what a visit gave."""
        for cell_id, taken in visit.samples.items():
            if cell_id in self.todo:
                self.samples[cell_id].extend(taken)
        if visit.companion is not None:
            self._keep_beside(visit.cells, visit.companion)
        self.desk.ledger.save()

    def _keep_beside(self, cells: Sequence[Cell], companion: Visit) -> None:
        """To each cell its reference's calls in turn with its own; none of one that was lost half-way."""
        for cell in cells:
            taken = companion.samples.get(cell.reference or "")
            if cell.id in self.todo and taken is not None and cell.reference not in companion.lost:
                self.samples[cell.id].note_beside(taken)
        for cell_id, taken in companion.samples.items():
            self.samples[cell_id].note_difference(taken.largest_pixel_difference)

    def close(self) -> None:
        """Turn all samples into records."""
        for cell_id in self.todo:
            _close(self.desk, self.desk.plan.cell(cell_id), self.samples[cell_id], self.samples)
        self.desk.ledger.save(timed_calls=0, calls_to_time=0)


def one_round(passes: Sequence[TimingPass], group: LoadGroup, round_index: int, turns: Turns = "visit") -> None:
    """Every pass visits the group; when a worker dies, all visit it again without the cell that it died of.

    Half a visit is thrown away, and the other pass's with it: every cell must have the same number of calls, side by
    side.
    """
    while visits := [found for one in passes if (found := one.opened(group, round_index)) is not None]:
        beside = [visit.companion for visit in visits if visit.companion is not None]
        steps = [steps_of(visit) for visit in (*visits, *beside)]
        in_turns(steps, "call" if beside else turns, partial(_one_died, visits))
        lost = {cell_id for visit in visits for cell_id in visit.lost}
        for one, visit in zip(passes, visits, strict=True):
            one.lose(visit.lost, lost)
        if not _one_died(visits):
            for one, visit in zip(passes, visits, strict=True):
                one.keep(visit)
            return


def _one_died(visits: Sequence[Visit]) -> bool:
    return any(visit.died for visit in visits)


def in_turns(both: Sequence[Generator[None]], turns: Turns, until: Callable[[], bool] = lambda: False) -> None:
    """One step of each in turn, or all of one and then of the other, ``until`` something happens. All are closed."""
    with ExitStack() as stack:
        going = [stack.enter_context(closing(one)) for one in both]
        while going and not until():
            now, later = (going, []) if turns == "call" else (going[:1], going[1:])
            going = [one for one in now if next(one, _ENDED) is not _ENDED] + later


def _close(desk: Desk, cell: Cell, sample: Samples, samples: dict[str, Samples]) -> None:
    """Turn a cell's samples into its record and keep them for later runs."""
    if sample.failure is not None:
        desk.ledger.cell(cell.id, timing_reason=sample.failure.reason, timing_failure=sample.failure)
        return
    reference = desk.keys.timing(desk.plan.cell(cell.reference)) if cell.reference else ""
    timing = timing_of(sample, desk.plan.timing.batch, desk.run_id, _drift(desk, cell, samples), reference)
    memory = memory_of(sample)
    store_timing(desk.store, desk.keys.timing(cell), timing, memory)
    key = desk.keys.timing(cell)
    desk.ledger.cell(cell.id, timing=timing, memory=memory, timing_key=key, timing_reason=None)


def _drift(desk: Desk, cell: Cell, samples: dict[str, Samples]) -> float | None:
    """How far the group's baseline moved, within a visit and between visits."""
    group = next(g for g in desk.plan.groups if g.id == cell.group)
    timed = [samples[c] for c in group.cells if c in samples and samples[c].bracket_s]
    return max((sample.drift() for sample in timed), default=None)

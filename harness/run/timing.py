"""The timing pass: with nothing of ours beside it, repeats interleaved, each load group visited in two rounds or more.

A visit is a fresh worker with only that group loaded. Within it, sweep after sweep goes once through the group's
cells (A B C A B C …), and the group's baseline is timed once more at the end: with the first sweep it brackets the
visit. Only the first ``batch`` rows are timed; their pictures are compared with the quality pass's.

On a processor a group whose cells are held against another one's is not visited alone: a companion with that other
group loaded calls each cell's reference in turn with it (``companion.py``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from harness.catalog.stacks import label_of_stack
from harness.plan.types import Cell, LoadGroup
from harness.run.companion import Companion, in_company
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

    ``companions``: what a group is held against is called beside it, in turn with its own cells; not beside the groups
    in ``alone``, where a worker has died in company.
    """

    desk: Desk
    post: Post
    todo: set[str]  # ids of the cells to time
    companions: bool = False
    alone: set[str] = field(default_factory=set)
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))

    def begin(self) -> None:
        """Say what is ahead, in calls of the model: cells of few steps and of many are not alike."""
        rules = self.desk.plan.timing
        cells = [self.desk.plan.cell(cell_id) for cell_id in self.todo]
        heads = [head for group in self.desk.plan.groups for head in self._heads(group, cells).values()]
        each = rules.warmups + rules.repeats
        total = rules.rounds * sum(decoder_calls(cell, each) for cell in (*cells, *heads))
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
        cells = cells[at:] + cells[:at]
        return Visit(self.desk, Station(self.post), group, cells, round_index, heads=self._heads(group, cells))

    def _heads(self, group: LoadGroup, cells: Sequence[Cell]) -> dict[str, Cell]:
        """A cell of the group → its reference, where that is made and is the one other group's that most of them need.

        One companion is all that there may be room for.
        """
        if not self.companions:
            return {}
        known = self.desk.ledger.cells
        made = {c.id: self.desk.plan.cell(c.reference) for c in cells
                if c.group == group.id and c.reference is not None and known[c.reference].status == "done"}  # fmt: skip
        apart = {
            name: head
            for name, head in made.items()
            if head.group != group.id and self.samples[head.id].failure is None
        }
        counts = Counter(head.group for head in apart.values())
        chosen = min(counts, key=lambda name: (-counts[name], name), default=None)
        return {name: head for name, head in apart.items() if head.group == chosen}

    def companion(self, visit: Visit) -> Companion | None:
        """Who goes with a visit; ``None``: nobody is wanted."""
        if not visit.heads or visit.group.id in self.alone:
            return None
        name = next(iter(visit.heads.values())).group
        group = next(group for group in self.desk.plan.groups if group.id == name)
        post = replace(self.post, log_path=self.post.log_path.with_name(f"beside-{self.post.log_path.name}"))
        return Companion(visit, Station(post), group, visit.heads, self._need(group))

    def _need(self, group: LoadGroup) -> int | None:
        """Bytes that a worker with that group has held at most; ``None``: it was not visited yet."""
        held = [
            peak + idle
            for cell_id in group.cells
            for peak, idle in zip(
                self.samples[cell_id].resident_peaks, self.samples[cell_id].idle_residents, strict=True
            )
        ]
        return max(held, default=None)

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
        self.desk.ledger.save()

    def keep_beside(self, companion: Companion) -> None:
        """To each cell its reference's calls in turn with its own; where there are none, why."""
        for cell_id in companion.heads:
            own, taken = companion.visit.samples[cell_id], companion.samples[cell_id]
            if cell_id not in self.todo:
                continue
            if companion.lost is None and len(taken.steady_s) == len(own.steady_s):
                self.samples[cell_id].note_beside(taken)
            elif companion.lost is not None and companion.lost not in self.samples[cell_id].disturbances:
                self.samples[cell_id].disturbances.append(companion.lost)
                self.desk.tell.say(f"{self.desk.plan.cell(cell_id).label}: {companion.lost}")

    def close(self) -> None:
        """Turn all samples into records."""
        for cell_id in self.todo:
            _close(self.desk, self.desk.plan.cell(cell_id), self.samples[cell_id], self.samples)
        self.desk.ledger.save(timed_calls=0, calls_to_time=0)


def one_round(passes: Sequence[TimingPass], group: LoadGroup, round_index: int, turns: Turns = "visit") -> None:
    """Every pass visits the group; when a worker dies, all visit it again without the cell that it died of.

    Half a visit is thrown away, and the other pass's with it: every cell must have the same number of calls, side by
    side. A worker that died in company may have died of that: the group is visited again, and alone from then on.
    """
    while visits := [found for one in passes if (found := one.opened(group, round_index)) is not None]:
        beside = [one.companion(visit) for one, visit in zip(passes, visits, strict=True)]
        steps = [steps_of(v) if c is None else in_company(c) for v, c in zip(visits, beside, strict=True)]
        in_turns(steps, turns, partial(_one_died, visits))
        if _died_in_company(passes, visits, beside):
            continue
        lost = {cell_id for visit in visits for cell_id in visit.lost}
        for one, visit in zip(passes, visits, strict=True):
            one.lose(visit.lost, lost)
        if not _one_died(visits):
            for one, visit, companion in zip(passes, visits, beside, strict=True):
                one.keep(visit)
                if companion is not None:
                    one.keep_beside(companion)
            return


def _died_in_company(passes: Sequence[TimingPass], visits: Sequence[Visit], beside: Sequence[Companion | None]) -> bool:
    """Whether one did; its group is visited alone from now on."""
    found = False
    for one, visit, companion in zip(passes, visits, beside, strict=True):
        if visit.died and companion is not None and companion.joined:
            one.alone.add(visit.group.id)
            one.desk.tell.say(
                f"{label_of_stack(visit.group.optimizations)}: once more, without its reference beside it"
            )
            found = True
    return found


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

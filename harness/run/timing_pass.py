"""The timing pass of one run as its visits add up: who is visited in whose company, what is lost, what is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.plan.types import Cell, LoadGroup
from harness.run.companion import Companion
from harness.run.desk import Desk
from harness.run.station import Post, Station
from harness.run.timing_record import Samples, memory_of, store_timing, timing_of
from harness.run.timing_rounds import PassRounds, keys_of
from harness.run.timing_visit import Visit, decoder_calls
from harness.store.records import NOT_TIMED_YET, Failure

ELSEWHERE = "it could not be timed in the other environment: nothing would be held against it"


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
    keys: dict[str, str] = field(default_factory=dict)  # of all that were to be timed
    alone: set[str] = field(default_factory=set)
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))

    def begin(self, kept: PassRounds | None, done: int) -> None:
        """Take up what a stop left of ``done`` rounds, and say what is ahead, in calls of the model.

        Not in cells: those of few steps and of many are not alike.
        """
        self.keys = keys_of(self.desk, self.todo)
        if kept is not None:
            self._take_up(kept, done)
        rules = self.desk.plan.timing
        cells = [self.desk.plan.cell(cell_id) for cell_id in self.todo]
        heads = [head for group in self.desk.plan.groups for head in self._heads(group, cells).values()]
        each = rules.warmups + rules.repeats
        total = rules.rounds * sum(decoder_calls(cell, each) for cell in (*cells, *heads))
        for cell in cells:
            self.desk.ledger.cell(cell.id, timing_reason=NOT_TIMED_YET)
        before = total * done // rules.rounds
        self.desk.ledger.save(timed_calls=before, calls_to_time=total)
        self.desk.tell.begin("timing", total, before)

    def _take_up(self, kept: PassRounds, done: int) -> None:
        self.alone = set(kept.alone)
        self.samples.update(kept.samples)
        self._leave(self.todo.difference(kept.samples))
        rounds = self.desk.plan.timing.rounds
        if done == rounds:
            return  # all was measured in one go, and only its records were not written
        stopped = f"the timing pass was stopped, and went on after round {done} of {rounds}"
        for sample in self.samples.values():
            sample.disturbances.append(stopped)
        self.desk.tell.say(stopped)

    def so_far(self) -> PassRounds:
        """What there is, should the pass be stopped before it is over."""
        samples = {cell_id: self.samples[cell_id] for cell_id in self.todo}
        return PassRounds(keys=self.keys, alone=frozenset(self.alone), samples=samples)

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
        self._leave(self.todo.intersection(everywhere).difference(own))

    def _leave(self, cell_ids: Iterable[str]) -> None:
        for cell_id in cell_ids:
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

"""The reference beside the cells that are held against it: a second worker that calls it in turn with theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field

from harness.measure.system import resident_bytes
from harness.plan.types import Cell, LoadGroup
from harness.run.desk import Desk
from harness.run.room import free_bytes
from harness.run.station import Station
from harness.run.timing_record import Samples
from harness.run.timing_visit import Visit, ask, schedule, steps_of
from harness.store.records import Failure

NO_ROOM = "its reference was not called in turn with it: there is no room for a worker of {:.1f} GiB beside its own"
LOST = "its reference was not called in turn with it in one visit: {}"


@dataclass
class Companion:
    """A fresh worker with a visit's reference group loaded. What it gives is kept cell by cell, never pooled.

    ``heads``: a cell of the visit → its reference, where that is of this group. ``need``: bytes that such a worker is
    known to take; ``None``: it is taken to need as much as the visit's own. ``lost``: why there is nothing of it.
    """

    visit: Visit
    station: Station
    group: LoadGroup
    heads: dict[str, Cell]
    need: int | None = None
    samples: defaultdict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))
    joined: bool = False
    lost: str | None = None

    @property
    def desk(self) -> Desk:
        """The run's."""
        return self.visit.desk


def in_company(companion: Companion) -> Generator[None]:
    """A visit with its companion: each cell's step and its reference's, one after the other.

    Who goes first changes with each sweep and each round. Once either worker has died the visit goes on by itself.
    """
    visit = companion.visit
    with closing(steps_of(visit)) as own, closing(_steps(companion)) as other:
        next(own)
        next(other, None)
        yield
        for step in schedule(visit):
            for one in (own, other) if (step.sweep + visit.round_index) % 2 == 0 else (other, own):
                next(one, None)
            yield
        other.close()
        yield from own


def _steps(companion: Companion) -> Generator[None]:
    """As many steps as the visit has, in its order; where a cell's reference is not of this group, an idle one."""
    try:
        _load(companion)
        yield
        warmed = set[str]()
        for step in schedule(companion.visit):
            if step.is_warm_up:
                _warm_up(companion, step.cell, warmed)
            else:
                _call(companion, step.cell)
            yield
    finally:
        companion.station.stop()


def _load(companion: Companion) -> None:
    desk, visit = companion.desk, companion.visit
    if visit.died or len(visit.lost) == len(visit.cells):
        companion.lost = "its own group was not loaded"
        return
    pid = visit.station.worker().pid
    assert pid is not None
    held = resident_bytes(pid)
    need = companion.need or held
    if free_bytes() < need + held:  # the calls of its own worker will want something yet
        companion.lost = NO_ROOM.format(need / 2**30)
        return
    model = desk.models[companion.group.model]
    companion.joined = True
    loaded = companion.station.load(companion.group, model, desk.plan.cell_timeout_s, cold=True)
    if isinstance(loaded, Failure):
        _lose(companion, loaded)


def _lose(companion: Companion, failure: Failure) -> None:
    companion.lost = LOST.format(failure.reason)
    companion.station.stop()


def _warm_up(companion: Companion, cell: Cell, warmed: set[str]) -> None:
    """Once for each reference: several cells may have the same one."""
    head = companion.heads.get(cell.id)
    if head is not None and head.id not in warmed and companion.lost is None:
        warmed.add(head.id)
        found = ask(companion.desk, companion.station, head, companion.desk.plan.timing.warmups, repeats=0)
        if isinstance(found, Failure):
            _lose(companion, found)


def _call(companion: Companion, cell: Cell) -> None:
    head = companion.heads.get(cell.id)
    if head is None or companion.lost is not None or cell.id in companion.visit.lost:
        return
    done = ask(companion.desk, companion.station, head, 0, repeats=1)
    if isinstance(done, Failure):
        _lose(companion, done)
    else:
        companion.samples[cell.id].add(done, companion.visit.round_index)

"""Two plans → two runs' records: pictures one environment after the other, times in turns, round by round."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from harness.plan.types import Plan
from harness.run.conduct import judge, leave_untimed, make_and_score
from harness.run.desk import Desk
from harness.run.ledger import now_ms
from harness.run.progress import Reporter
from harness.run.references import settle_references
from harness.run.station import Post, Station
from harness.run.timing import TimingPass, untimed_cells
from harness.store.records import RunRecord, Turns

_ENDED = object()
_ELSEWHERE = "it could not be timed in the other environment: nothing would be held against it"


@dataclass(frozen=True)
class Side:
    """One environment's run: its desk, its stations for the pictures, and where in ours its pictures are scored."""

    desk: Desk
    stations: list[Station]
    scoring: Post

    @property
    def post(self) -> Post:
        """Where it is timed."""
        return self.stations[0].post


@dataclass(frozen=True)
class Named:
    """A reporter that says of which environment it speaks."""

    name: str
    tell: Reporter

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """A stage of this environment starts."""
        self.tell.begin(f"{stage} {self.name}", total, done)

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """So many steps of it are done."""
        self.tell.advance(f"{stage} {self.name}", detail, steps)

    def say(self, text: str) -> None:
        """A line worth keeping."""
        self.tell.say(f"{self.name}: {text}")


def balanced(plan: Plan, rounds: int | None) -> Plan:
    """The plan with so many rounds, or its own; an odd number gets one more, so that each goes first as often."""
    wanted = rounds or plan.timing.rounds
    return plan.model_copy(update={"timing": plan.timing.model_copy(update={"rounds": wanted + wanted % 2})})


def conduct_pair(sides: tuple[Side, Side]) -> tuple[RunRecord, RunRecord]:
    """Run both to their end. Interrupted, the records of both say so."""
    try:
        for side in sides:
            make_and_score(side.desk, side.stations, side.scoring)
        a, b = (replace(side, desk=settle_references(side.desk)) for side in sides)
        if a.desk.plan.timing.enabled:
            time_in_turns((a, b))
        for side in (a, b):
            if not side.desk.plan.timing.enabled:
                leave_untimed(side.desk)
            judge(side.desk)
    except BaseException:
        for side in sides:
            side.desk.ledger.save(status="interrupted", finished_ms=now_ms())
        raise
    return a.desk.ledger.finish(), b.desk.ledger.finish()


def time_in_turns(sides: tuple[Side, Side]) -> None:
    """In each round both visit every group: A B, B A, A B, B A, …; by ``Turns``, one visit or one call at a time.

    What moves the machine from one turn to the next meets both sides alike, and who goes first changes.
    """
    by_call = turns_on(sides[0].post.device) == "call"
    passes = _passes(sides)
    for one in passes:
        one.begin()
    for round_index in range(sides[0].desk.plan.timing.rounds):
        for group in sides[0].desk.plan.groups:
            ordered = passes if round_index % 2 == 0 else passes[::-1]
            if by_call:
                alternate([one.calls(group, round_index) for one in ordered])
            else:
                for one in ordered:
                    one.visit(group, round_index)
    for one in passes:
        one.close()


def turns_on(device: str) -> Turns:
    """Call by call on a processor; on an accelerator, whose memory two models might not share, visit by visit."""
    return "call" if device == "cpu" else "visit"


def alternate(both: Sequence[Generator[None]]) -> None:
    """One step of each in turn until all have ended. All are closed, whatever happens."""
    with ExitStack() as stack:
        going = [stack.enter_context(closing(one)) for one in both]
        while going:
            going = [one for one in going if next(one, _ENDED) is not _ENDED]


def _passes(sides: tuple[Side, Side]) -> list[TimingPass]:
    """Both time the same cells. A pass that was cut off on one side is made again on both: only turns compare."""
    todo = [{cell.id for cell in untimed_cells(side.desk)} for side in sides]
    if todo[0] != todo[1]:
        todo = [{cell.id for cell in untimed_cells(side.desk, whole=True)} for side in sides]
    both = todo[0] & todo[1]
    for side, mine in zip(sides, todo, strict=True):
        for cell_id in mine - both:
            side.desk.ledger.cell(cell_id, timing_reason=_ELSEWHERE)
    return [TimingPass(side.desk, side.post, set(both)) for side in sides]

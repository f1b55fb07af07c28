"""Two plans → two runs' records: pictures one environment after the other, times in turns, round by round."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.measure.memory import ResidentMemory
from harness.plan.types import Plan
from harness.run.conduct import judge, leave_untimed, make_and_score
from harness.run.desk import Desk
from harness.run.ledger import now_ms
from harness.run.progress import Reporter
from harness.run.references import settle_references
from harness.run.room import free_bytes
from harness.run.station import Post, Station
from harness.run.timing import run_passes, untimed_cells
from harness.run.timing_pass import ELSEWHERE, TimingPass
from harness.store.records import RunRecord, Turns

_LOOK_EVERY_S = 0.1  # at the memory of a worker that makes pictures


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


def conduct_pair(sides: tuple[Side, Side], turns: Turns | None = None) -> tuple[RunRecord, RunRecord]:
    """Run both to their end. Interrupted, the records of both say so. ``turns``: as they were asked for."""
    try:
        need = _made(sides[0])
        _take(sides, turns or _turns_within(sides[0], need))
        _made(sides[1])
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
    run_passes(_passes(sides), _turns_of(sides[0]))


def _made(side: Side) -> int:
    """Make a side's pictures; the most memory that its first worker held, bytes."""
    pid = side.stations[0].worker().pid
    assert pid is not None
    with ResidentMemory(pid, _LOOK_EVERY_S) as held:
        make_and_score(side.desk, side.stations, side.scoring)
        return held.peak_bytes


def _turns_within(side: Side, need: int) -> Turns:
    """As its record has it, but visit by visit on a processor where two such workers have no room."""
    known = _turns_of(side)
    if known == "visit" or side.post.device != "cpu" or free_bytes() >= 2 * need:
        return known
    side.desk.tell.say(f"two workers of {need / 2**30:.1f} GiB have no room: times are taken visit by visit")
    return "visit"


def _turns_of(side: Side) -> Turns:
    pair = side.desk.ledger.run.pair
    assert pair is not None
    return pair.turns


def _take(sides: tuple[Side, Side], turns: Turns) -> None:
    """Both records say it."""
    for side in sides:
        pair = side.desk.ledger.run.pair
        assert pair is not None
        side.desk.ledger.save(pair=pair.model_copy(update={"turns": turns}))


def _passes(sides: tuple[Side, Side]) -> list[TimingPass]:
    """Both time the same cells. A pass that was cut off on one side is made again on both: only turns compare."""
    todo = [{cell.id for cell in untimed_cells(side.desk)} for side in sides]
    if todo[0] != todo[1]:
        todo = [{cell.id for cell in untimed_cells(side.desk, whole=True)} for side in sides]
    both = todo[0] & todo[1]
    for side, mine in zip(sides, todo, strict=True):
        for cell_id in mine - both:
            side.desk.ledger.cell(cell_id, timing_reason=ELSEWHERE)
    return [TimingPass(side.desk, side.post, set(both)) for side in sides]

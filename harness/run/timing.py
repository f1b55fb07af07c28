"""The timing pass: with nothing of ours beside it, repeats interleaved, each load group visited in two rounds or more.

A visit is a fresh worker with only that group loaded. Within it, sweep after sweep goes once through the group's
cells (A B C A B C …), and the group's baseline is timed once more at the end: with the first sweep it brackets the
visit. Only the first ``batch`` rows are timed; their pictures are compared with the quality pass's.

On a processor a group whose cells are held against another one's is not visited alone: a companion with that other
group loaded calls each cell's reference in turn with it (``companion.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from harness.catalog.stacks import label_of_stack
from harness.plan.types import Cell, LoadGroup
from harness.run.companion import Companion, in_company
from harness.run.desk import Desk
from harness.run.station import Post
from harness.run.timing_pass import TimingPass
from harness.run.timing_record import StoredTiming, stored_timing
from harness.run.timing_rounds import keep_rounds, kept_rounds
from harness.run.timing_visit import Visit, steps_of
from harness.store.records import Turns

_ENDED = object()
_NONE: dict[str, Any] = {"timing": None, "memory": None, "timing_key": "", "timing_failure": None}


def untimed_cells(desk: Desk, *, whole: bool = False) -> list[Cell]:
    """The cells that still need a timing: made whole, and not timed before in an identical environment.

    A pass that was cut off while it closed its cells is closed again as a whole: only calls of the same visits compare.
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
    run_passes([TimingPass(desk, post, {cell.id for cell in untimed_cells(desk)}, companions=both)])


def run_passes(passes: Sequence[TimingPass], turns: Turns = "visit") -> None:
    """All rounds of passes of one plan, after those that a stop left whole. Who goes first changes with each."""
    plan, timed = passes[0].desk.plan, [(one.desk, set(one.todo)) for one in passes]
    kept = kept_rounds(timed, turns)
    done = 0 if kept is None else kept.done
    for number, one in enumerate(passes):
        one.begin(None if kept is None else kept.passes[number], done)
    for round_index in range(done, plan.timing.rounds if passes[0].todo else 0):
        for group in plan.groups:
            one_round(passes if round_index % 2 == 0 else passes[::-1], group, round_index, turns)
        keep_rounds(timed, turns, round_index + 1, [one.so_far() for one in passes])
    for one in passes:
        one.close()


def turns_on(device: str) -> Turns:
    """Call by call on a processor; on an accelerator, whose memory two models might not share, visit by visit."""
    return "call" if device == "cpu" else "visit"


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

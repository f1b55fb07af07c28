"""Whole rounds of a timing pass that is not over, kept so that one that was stopped goes on after the last of them.

Only calls of one round are held against each other, and a round visits every group: half a round is worth nothing. Two
passes that take turns are kept together, so that neither can go on without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import ValidationError

import harness
from harness.base import Frozen, digest
from harness.plan.types import Cell
from harness.run.desk import Desk
from harness.run.timing_record import Samples
from harness.store.digests import digest_source
from harness.store.records import Turns


class PassRounds(Frozen):
    """What one pass has measured.

    ``keys``: of every cell that was to be timed, by ``key_of``. ``alone``: groups that are visited without a companion
    from now on. ``samples``: of the cells that are still timed, or failed.
    """

    keys: dict[str, str]
    alone: frozenset[str]
    samples: dict[str, Samples]


class Rounds(Frozen):
    """``done`` whole rounds of passes that took turns.

    ``conditions``: digest of what decides how a call is made and is in no key. ``fresh``, ``remeasure``: as asked for.
    """

    conditions: str
    fresh: bool
    remeasure: bool
    done: int
    passes: tuple[PassRounds, ...]


Timed = Sequence[tuple[Desk, set[str]]]  # of each pass its desk, and the ids of the cells that it is to time


def kept_rounds(timed: Timed, turns: Turns) -> Rounds | None:
    """What a stop left of passes over just these cells under today's conditions; ``None``: nothing to go on with."""
    desk = timed[0][0]
    data = desk.store.load_rounds(desk.run_id)
    if data is None:
        return None
    try:
        found = Rounds.model_validate_json(data)
    except ValidationError:
        return None  # of another version, or damaged: measured anew
    asked_anew = (desk.fresh and not found.fresh) or (desk.remeasure and not found.remeasure)
    same = found.conditions == conditions(desk, turns) and [p.keys for p in found.passes] == [
        keys_of(*t) for t in timed
    ]
    return found if same and not asked_anew and _whole(found, desk.plan.timing.repeats) else None


def keep_rounds(timed: Timed, turns: Turns, done: int, passes: Sequence[PassRounds]) -> None:
    """In the folder of the first pass's run, in place of what was there; whole or not at all."""
    desk = timed[0][0]
    rounds = Rounds(conditions=conditions(desk, turns), fresh=desk.fresh, remeasure=desk.remeasure, done=done,
                    passes=tuple(passes))  # fmt: skip
    desk.store.save_rounds(desk.run_id, rounds.model_dump_json().encode())


def conditions(desk: Desk, turns: Turns) -> str:
    """Digest of the turns, of how long a cell may take, and of the code that makes visits."""
    return digest([turns, desk.plan.cell_timeout_s, _code()])


def key_of(desk: Desk, cell: Cell) -> str:
    """Of a cell's timing, and of its reference's: that one's calls are beside its own."""
    both = [cell, *([desk.plan.cell(cell.reference)] if cell.reference else [])]
    return digest([desk.keys.timing(one) for one in both])


def keys_of(desk: Desk, cell_ids: set[str]) -> dict[str, str]:
    """Cell id → ``key_of`` it."""
    return {cell_id: key_of(desk, desk.plan.cell(cell_id)) for cell_id in sorted(cell_ids)}


def _whole(found: Rounds, repeats: int) -> bool:
    """Whether every cell that did not fail has all of its calls."""
    samples = (sample for one in found.passes for sample in one.samples.values() if sample.failure is None)
    return all(len(sample.steady_s) == found.done * repeats for sample in samples)


@cache
def _code() -> str:
    return digest_source([Path(harness.__file__).parent / "run"])

"""Whole rounds of a timing pass that is not over, kept so that one that was stopped goes on after the last of them.

Only calls of one round are held against each other, and a round visits every group: half a round is worth nothing.
"""

from __future__ import annotations

from pydantic import ValidationError

from harness.base import Frozen
from harness.run.desk import Desk
from harness.run.timing_record import Samples


class Rounds(Frozen):
    """What a pass has measured in ``done`` whole rounds.

    ``keys``: cell id → the key of its timing: the same cells under the same rules in an identical environment.
    ``alone``: groups that are visited without a companion from now on.
    """

    keys: dict[str, str]
    done: int
    alone: frozenset[str]
    samples: dict[str, Samples]


def kept_rounds(desk: Desk, cell_ids: set[str]) -> Rounds | None:
    """What this run's pass left of just these cells in this environment; ``None``: nothing that can be gone on with."""
    data = desk.store.load_rounds(desk.run_id)
    if data is None:
        return None
    try:
        found = Rounds.model_validate_json(data)
    except ValidationError:
        return None  # written by another version: the rounds are measured anew
    return found if found.keys == keys_of(desk, cell_ids) else None


def keep_rounds(desk: Desk, rounds: Rounds) -> None:
    """In the run's folder, in place of what was there."""
    desk.store.save_rounds(desk.run_id, rounds.model_dump_json().encode())


def keys_of(desk: Desk, cell_ids: set[str]) -> dict[str, str]:
    """Cell id → the key of its timing."""
    return {cell_id: desk.keys.timing(desk.plan.cell(cell_id)) for cell_id in sorted(cell_ids)}

"""`harness ab` from end to end but for its report: two environments looked at, two runs made in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.plan.types import Plan
from harness.run.ab.conduct import Named, Side, balanced, conduct_pair
from harness.run.ab.python import guests
from harness.run.ab.survey import SIDES, Surveyed, salted, surveyed
from harness.run.ab.tables import lost, table_notes
from harness.run.desk import Desk
from harness.run.guest import Guest
from harness.run.inputs import keep_inputs
from harness.run.ledger import Ledger, new_run
from harness.run.progress import Reporter, reporter
from harness.run.survey import keybook
from harness.run.timing import turns_on
from harness.run.twins import interrupted_twin
from harness.store.records import Pair, RunRecord, Turns
from harness.store.runs import new_run_id
from harness.store.store import Store, open_store


@dataclass(frozen=True)
class AbRun:
    """What `harness ab` was asked for; ``rounds``: instead of the spec's; ``turns``: instead of the device's."""

    plan: Plan
    store_path: Path
    command: str
    environments: Sequence[str]
    name: str | None = None
    devices: str | None = None
    rounds: int | None = None
    turns: Turns | None = None


@dataclass(frozen=True)
class Made:
    """Two runs, and what is to be said of their environments beside the comparison."""

    runs: tuple[RunRecord, RunRecord]
    notes: tuple[str, ...]


def run_ab(request: AbRun) -> Made:
    """Make both runs.

    Raises:
        HarnessError: an environment that cannot work, before anything runs; whatever ends a run.
    """
    pair = guests(request.environments)
    with reporter() as tell:
        return make_pair(open_store(request.store_path), request, pair, tell)


def make_pair(store: Store, request: AbRun, pair: Sequence[Guest], tell: Reporter) -> Made:
    """Both runs' records, and what differs in the environments' tables."""
    plan = balanced(request.plan, request.rounds)
    with surveyed(store, plan, request.devices, tell, pair) as found:
        notes = [note for one in found for note in _notes(plan, one)]
        for note in (*plan.notes, *notes):
            tell.say(f"note: {note}")
        for refusal in plan.refused:
            tell.say(f"refused: {', '.join(map(str, refusal.swept.values()))}: {refusal.reason}")
        a, b = _records(store, plan, request, found)
        with store.lock_run(a.run_id), store.lock_run(b.run_id):
            keep_inputs(store, plan)
            sides = [_side(store, plan, one, record, tell) for one, record in zip(found, (a, b), strict=True)]
            tell.say(f"runs {a.run_id} and {b.run_id}: {len(plan.cells)} cells, {plan.forecast.images} pictures each")
            return Made(conduct_pair((sides[0], sides[1]), request.turns), tuple(notes))


def _notes(plan: Plan, one: Surveyed) -> list[str]:
    gone = [f"{one.guest.name} has no {name} that works: its cells will fail there." for name in lost(plan, one.table)]
    return [*gone, *table_notes(plan, one.guest.name, one.table)]


def _side(store: Store, plan: Plan, one: Surveyed, record: RunRecord, tell: Reporter) -> Side:
    assert record.pair is not None
    seen = salted(one.survey, f"{record.pair.id} {record.pair.side}")
    desk = Desk(
        plan=plan,
        models=seen.models,
        scorers=seen.scorers,
        store=store,
        ledger=Ledger.open(store, record),
        keys=keybook(plan, seen),
        tell=Named(one.guest.name, tell),
        fresh=False,
        remeasure=False,
    )
    desk.ledger.save(environment=seen.environment, environment_digest=one.survey.fingerprint, status="running")
    return Side(desk, one.stations, one.scoring)


def _records(store: Store, plan: Plan, request: AbRun, found: Sequence[Surveyed]) -> tuple[RunRecord, RunRecord]:
    """The interrupted pair of this meaning in the same two environments, or a new one."""
    name = request.name or plan.name
    names = [f"{name}-{side}" for side in SIDES]
    known = [interrupted_twin(store, plan, one) for one in names]
    if known[0] is not None and known[1] is not None and _is_pair(known[0], known[1], found):
        return known[0], known[1]
    ids = [new_run_id(one) for one in names]
    made = []
    for side, one in enumerate(found):
        record = new_run(plan, ids[side], names[side], request.command)
        about = Pair(
            id=ids[0],
            side="b" if side else "a",
            other=ids[1 - side],
            environment=one.guest.name,
            python=str(one.guest.python),
            turns=request.turns or turns_on(one.stations[0].post.device),
            installed=one.installed,
        )
        made.append(record.model_copy(update={"pair": about}))
        store.new_run(made[-1])
    return made[0], made[1]


def _is_pair(a: RunRecord, b: RunRecord, found: Sequence[Surveyed]) -> bool:
    """Whether two interrupted runs are of one pair, and of these environments as they are now."""
    if a.pair is None or b.pair is None or a.pair.id != b.pair.id:
        return False
    then = [(a.pair.python, a.environment_digest), (b.pair.python, b.environment_digest)]
    return then == [(str(one.guest.python), one.survey.fingerprint) for one in found]

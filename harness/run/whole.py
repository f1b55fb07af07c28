"""The main job from end to end: survey, run (or find that nothing is left to do), track, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import ExitCode
from harness.plan.select import UNAVAILABLE
from harness.plan.types import Plan
from harness.run.conduct import conduct
from harness.run.copies import report_again, track_and_go_on
from harness.run.desk import Desk
from harness.run.inputs import keep_inputs
from harness.run.keybook import KeyBook
from harness.run.ledger import Ledger, new_run
from harness.run.progress import Reporter, reporter
from harness.run.survey import Survey, keybook, survey
from harness.run.twins import finished_twin, interrupted_twin
from harness.store.records import RunRecord
from harness.store.runs import new_run_id
from harness.store.store import Store, open_store


@dataclass(frozen=True)
class WholeRun:
    """What `harness run` was asked for."""

    plan: Plan
    store_path: Path
    command: str
    name: str | None = None
    devices: str | None = None
    fresh: bool = False
    remeasure: bool = False
    tracking_uri: str | None = None
    no_track: bool = False
    report_path: Path | None = None

    @property
    def run_name(self) -> str:
        """The name on the command line, else the spec's."""
        return self.name or self.plan.name


@dataclass(frozen=True)
class Outcome:
    """What `harness run` says at its end."""

    run_id: str
    text: str
    exit_code: ExitCode


def run_whole(request: WholeRun) -> Outcome:
    """Run, track and report; a failed cell, a failed tracking server or a failed chart never loses the records."""
    store = open_store(request.store_path)
    with reporter() as tell:
        record, was_there = make_records(store, request, tell)
        if was_there:
            tell.say(f"Nothing to do: run {record.run_id} holds every result. `--fresh` computes all of it again.")
        elif not request.no_track:
            track_and_go_on(store, record.run_id, request.tracking_uri, tell)
        return _outcome(store, record, request, tell)


def make_records(store: Store, request: WholeRun, tell: Reporter) -> tuple[RunRecord, bool]:
    """The run without its copies: its record, and whether an earlier run of the same meaning left nothing to do."""
    found = survey(store, request.plan, request.devices, tell, fresh=request.fresh)
    book = keybook(request.plan, found)
    again = request.fresh or request.remeasure
    done = None if again else finished_twin(store, request.plan, request.run_name, book, found.fingerprint)
    if done is not None:
        return done, True
    return _run(store, request, found, book, tell), False


def _run(store: Store, request: WholeRun, found: Survey, book: KeyBook, tell: Reporter) -> RunRecord:
    """Continue the interrupted run of this meaning, or begin one."""
    plan, name = request.plan, request.run_name
    record = interrupted_twin(store, plan, name)
    if record is None:
        record = new_run(plan, new_run_id(name), name, request.command)
        store.new_run(record)
    with store.lock_run(record.run_id):
        desk = Desk(
            plan=plan,
            models=found.models,
            scorers=found.scorers,
            store=store,
            ledger=Ledger.open(store, record),
            keys=book,
            tell=tell,
            fresh=request.fresh,
            remeasure=request.remeasure,
        )
        keep_inputs(store, plan)
        desk.ledger.save(environment=found.environment, environment_digest=found.fingerprint, status="running")
        for refusal in plan.refused:
            what = "left out" if refusal.reason.startswith(UNAVAILABLE) else "refused"
            tell.say(f"{what}: {', '.join(map(str, refusal.swept.values()))}: {refusal.reason}")
        for note in plan.notes:
            tell.say(f"note: {note}")
        tell.say(f"run {record.run_id}: {len(plan.cells)} cells, {plan.forecast.images} pictures")
        return conduct(desk, found.posts)


def _outcome(store: Store, record: RunRecord, request: WholeRun, tell: Reporter) -> Outcome:
    """The table and the page's path."""
    from harness.report.terminal import render_cut, render_table
    from harness.report.view import load_view

    page = report_again(store, record, request.report_path, tell)
    table = render_table(load_view(store, record.run_id))
    if cut := render_cut(store.load_cells(record.run_id)):
        tell.say(cut)
    code = ExitCode.FAILED_CELLS if record.status == "failed-cells" else ExitCode.DONE
    return Outcome(record.run_id, f"{table}\n\n{page}", code)

"""Plan → records: the passes of a run, one after another, each continuing where a killed run stood."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.run.desk import Desk
from harness.run.judge import compare_cells
from harness.run.ledger import now_ms
from harness.run.quality import quality_pass
from harness.run.references import settle_references
from harness.run.scoring import score_cell
from harness.run.station import Post, Station
from harness.run.timing import timing_pass
from harness.store.records import CellRecord, RunRecord


def conduct(desk: Desk, posts: list[Post]) -> RunRecord:
    """Run the plan on these posts; the first one also scores and times. Interrupted, the records say so."""
    try:
        make_and_score(desk, [Station(post) for post in posts], posts[0])
        desk = settle_references(desk)
        if desk.plan.timing.enabled:
            judge(desk)  # what is known of the pictures stays, should the timing pass be stopped
            timing_pass(desk, posts[0])
        else:
            leave_untimed(desk)
        judge(desk)
    except BaseException:
        desk.ledger.save(status="interrupted", finished_ms=now_ms())
        raise
    return desk.ledger.finish()


def make_and_score(desk: Desk, stations: list[Station], scoring: Post) -> None:
    """Pictures on every station, and beside them one worker that scores each cell as it becomes whole."""
    with _scorer(desk, Station(scoring, "scorers")) as hand_over:
        try:
            quality_pass(desk, stations, hand_over.put)
        finally:
            for station in stations:
                station.stop()


@contextmanager
def _scorer(desk: Desk, station: Station) -> Iterator[queue.SimpleQueue[CellRecord | None]]:
    """A thread that scores what is handed over; leaving the block waits until it has scored everything."""
    waiting: queue.SimpleQueue[CellRecord | None] = queue.SimpleQueue()
    errors: list[BaseException] = []
    desk.tell.begin("scores", len(desk.plan.cells))

    def work() -> None:
        try:
            while (record := waiting.get()) is not None:
                desk.go_on()
                score_cell(desk, station, record)
                desk.tell.advance("scores", record.label)
        except BaseException as error:  # handed to the main thread, which raises it
            errors.append(error)
        finally:
            station.stop()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield waiting
    except BaseException:
        desk.stopping.set()
        with suppress(Exception):
            station.stop()
        raise
    finally:
        waiting.put(None)
        while thread.is_alive():
            thread.join(0.2)
    if errors:
        raise errors[0]


def leave_untimed(desk: Desk) -> None:
    """Say of every cell why it has no timing."""
    for cell in desk.plan.cells:
        desk.ledger.cell(cell.id, timing_reason="the spec turns timing off")


def judge(desk: Desk) -> None:
    """Comparisons of the whole run, once all its numbers are there."""
    rows = {cell_id: desk.store.image_rows(desk.run_id, cell_id) or [] for cell_id in desk.ledger.cells}
    found = compare_cells(desk.plan, desk.ledger.cells, rows)
    for cell_id in desk.ledger.cells:
        desk.ledger.cell(cell_id, comparisons=found.get(cell_id, []))

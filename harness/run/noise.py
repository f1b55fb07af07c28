"""The A/A self-test of `harness doctor --noise`: one cell twice, interleaved, in visit after visit of a real worker.

A visit is what it is in the timing pass: a fresh process that loads the pipelines, warm-ups that do not count, calls of
both by turns (A B A B …), and a few calls of the first at the end. Who goes first changes from visit to visit.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import HarnessError
from harness.measure.memory import ResidentMemory
from harness.plan.build import plan_file
from harness.plan.types import Cell, Plan
from harness.run.executor import call
from harness.run.keybook import KeyBook
from harness.run.noise_numbers import Visit, noise_from
from harness.run.progress import Reporter
from harness.run.protocol import Make, Request, Time, TimeDone
from harness.run.station import Post, Station, raise_if_disk
from harness.run.survey import Survey, keybook, survey
from harness.store.noise import Noise, keep_noise, refuse_newer, weights_digest
from harness.store.records import Failure
from harness.store.store import Store, open_store

LEAST_VISITS, MOST_VISITS = 3, 60
CALLS = 5  # of each of the two in a visit
_BRACKET = 3
_WARMUPS = 1
_MADE_IN = "doctor --noise"
_SPEC = (
    "name: noise\nmodel: {model}\nnum_inference_steps: 25\n"
    "prompts: [a small red circle at the left on a white ground]\n"
)


@dataclass
class _Test:
    """What every visit needs."""

    store: Store
    plan: Plan
    found: Survey
    book: KeyBook
    post: Post
    began: float
    clock: Callable[[], float]
    visits: list[Visit] = field(default_factory=list)

    @property
    def cell(self) -> Cell:
        return self.plan.cells[0]

    @property
    def images_key(self) -> str:
        return self.book.images(self.cell, self.plan.rows_of(self.cell))


def measure_noise(
    model: str,
    minutes: float,
    store_path: Path,
    tell: Reporter,
    *,
    device: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Noise:
    """Measure for about so many minutes, at least three visits, and keep what was found.

    It lies under the environment, the model's name as the plan resolves it, and its weights: where reports look.

    Args:
        model: of the catalog, or a folder.
        minutes: no visit begins that would, by the slowest so far, end later.
        store_path: where it is kept.
        tell: who is told how far it is.
        device: instead of the best there is.
        clock: seconds; for tests.

    Raises:
        HarnessError: the model or the device is not there, a newer version measured here, or a call failed.
    """
    began, store = clock(), open_store(store_path)
    plan = _plan(model, device)
    found = survey(store, plan, None, tell)
    refuse_newer(store, found.fingerprint)
    test = _Test(store, plan, found, keybook(plan, found), found.posts[0], began, clock)
    _make_picture(test)
    until = began + 60 * minutes
    while _goes_on(test, until):
        test.visits.append(_visit(test, len(test.visits)))
        tell.say(f"visit {len(test.visits)}: {1000 * statistics.median(test.visits[-1].first):.0f} ms a call")
    noise = noise_from(
        test.visits,
        fingerprint=found.fingerprint,
        model=test.cell.settings.model,
        weights=weights_digest(test.book.weights(test.cell)),
        cell=_words(test.cell),
        device=str(found.environment["device"]["name"]),
        seconds=clock() - began,
    )
    keep_noise(store, noise)
    return noise


def _goes_on(test: _Test, until: float) -> bool:
    done = len(test.visits)
    if done < LEAST_VISITS:
        return True
    longest = max(visit.seconds for visit in test.visits)
    return done < MOST_VISITS and test.clock() + longest <= until


def _plan(model: str, device: str | None) -> Plan:
    """One cell of the model's defaults; nothing is scored, so that no scorer's weights are asked for."""
    with TemporaryDirectory(prefix="harness-noise-") as folder:
        spec = Path(folder) / "noise.yaml"
        spec.write_text(_SPEC.format(model=_quoted(model)))
        return plan_file(str(spec), device=device).model_copy(update={"metrics": ()})


def _quoted(text: str) -> str:
    path = Path(text)
    whole = str(path.absolute()) if path.is_dir() else text
    return "'" + whole.replace("'", "''") + "'"


def _words(cell: Cell) -> str:
    settings = cell.settings
    size = f"{settings.width}×{settings.height}"
    return f"{settings.task}, {settings.num_inference_steps} steps, {settings.dtype}, {size}, batch 1"


def _make_picture(test: _Test) -> None:
    """The picture that every timed call is held against; one that the store has serves."""
    if test.store.has("images", test.images_key):
        return
    station, rows = Station(test.post), test.plan.rows_of(test.cell)
    try:
        _load(test, station, cold=False)
        made = Make(settings=test.cell.settings, rows=rows, prior_key=test.book.prior(test.cell, rows),
                    images_key=test.images_key, made_in=_MADE_IN)  # fmt: skip
        _answer(station, made)
    finally:
        station.stop()


def _visit(test: _Test, number: int) -> Visit:
    began, station = test.clock(), Station(test.post)
    try:
        worker = station.worker()
        assert worker.pid is not None
        with ResidentMemory(worker.pid) as memory:
            _load(test, station, cold=True)
            visit = Visit(minute=(began - test.began) / 60)
            sides = (visit.first, visit.second) if number % 2 == 0 else (visit.second, visit.first)
            for sweep in range(CALLS):
                for place, side in enumerate(sides):
                    memory.reset()
                    done = _timed(test, station, warmups=_WARMUPS if sweep == 0 else 0, repeats=1)
                    side.extend(done.steady_s)
                    visit.note(done)
                    if sweep == 0 and place == 0:  # a later peak begins with what was left behind
                        visit.peak_bytes = _peak(done, memory.peak_bytes, station)
            visit.bracket_s = statistics.median(_timed(test, station, warmups=0, repeats=_BRACKET).steady_s)
    finally:
        station.stop()
    visit.seconds = test.clock() - began
    return visit


def _peak(done: TimeDone, resident: int, station: Station) -> int | None:
    if done.peak_device_bytes is not None:
        return done.peak_device_bytes
    idle = station.greeting.idle_bytes if station.greeting else 0
    return max(resident - idle, 0) if resident else None


def _load(test: _Test, station: Station, *, cold: bool) -> None:
    model = test.found.models[test.cell.settings.model]
    loaded = station.load(test.plan.groups[0], model, cold=cold)
    if isinstance(loaded, Failure):
        raise HarnessError(f"{model.name} cannot be loaded: {loaded.reason}", do=loaded.do)


def _timed(test: _Test, station: Station, *, warmups: int, repeats: int) -> TimeDone:
    rows = test.plan.rows_of(test.cell)
    request = Time(settings=test.cell.settings, rows=rows, warmups=warmups, repeats=repeats, images_key=test.images_key)
    return TimeDone.model_validate(_answer(station, request))


def _answer(station: Station, request: Request) -> dict[str, object]:
    reply = call(station.worker(), request)
    raise_if_disk(reply)
    if reply.failure is not None:
        raise HarnessError(f"A call failed, so no noise is known: {reply.failure.reason}", do=reply.failure.do)
    return reply.answer or {}

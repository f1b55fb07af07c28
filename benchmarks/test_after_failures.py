"""A worker in which a compile failed and memory ran out, against one in which neither happened, call by call.

Two real workers live at once and take turns (A B B A A B …), so that what the machine does to one call it does to its
neighbour a fraction of a second later. One of them has met both failures before; the other made pictures instead. Then
both load the same pipeline. A pair of workers counts once, whatever its calls: the next pair are new processes, and the
other one starts, loads and is called first. ``AFTER_FAILURES_MINUTES`` (10) is how long new pairs begin.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.failing import RUNS_OUT, SPEC, plant
from support.runs import CAPTIONS, Lab, Told

from harness.plan.types import Cell, Plan
from harness.run.executor import call
from harness.run.forecast import plan_spec
from harness.run.keybook import KeyBook
from harness.run.protocol import Make, Reply, Time, TimeDone
from harness.run.station import Station
from harness.run.survey import Survey, keybook, survey
from harness.stats.ratio import OverVisits, mean_over_visits
from harness.store.store import Store

TURNS, LEAST_PAIRS, STEPS = 40, 4, 10
FAILS, WORKS = ("compile", RUNS_OUT), ("again", "again")  # what the one does first, and the other


@dataclass
class _Test:
    """What every pair of workers needs."""

    store: Store
    plan: Plan
    found: Survey
    book: KeyBook

    def cell(self, label: str) -> Cell:
        return next(cell for cell in self.plan.cells if cell.settings.optimizations_label == label)


def test_a_worker_after_failures_takes_the_time_of_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in plant(tmp_path / "planted").items():
        monkeypatch.setenv(name, value)
    test, logs = _test(tmp_path), []
    until = time.monotonic() + 60 * float(os.environ.get("AFTER_FAILURES_MINUTES", "10"))
    for number in count():
        if number >= LEAST_PAIRS and time.monotonic() > until:
            break
        logs.append(_pair(test, number))
        with capsys.disabled():
            print(f"\npair {number + 1}: {math.exp(logs[-1]):.4f}", end="", flush=True)
    with capsys.disabled():
        print(f"\n{_words(logs)}")


def _words(logs: list[float]) -> str:
    wide, narrow = (_exp(mean_over_visits(logs, level=level)) for level in (0.95, 0.90))
    assert narrow.low is not None and narrow.high is not None
    ends = narrow.low, narrow.high
    shown = next((one for one in (0.01, 0.03, 0.10) if 1 / (1 + one) < min(ends) and max(ends) < 1 + one), None)
    told = "not shown equivalent within 10 %" if shown is None else f"equivalent within {shown:.0%}"
    return (
        f"after a failed compile and a lack of memory a call takes {wide.value:.4f} of the time of one without "
        f"({wide.low:.4f} to {wide.high:.4f} at 95 %, {wide.n} pairs of workers, {TURNS} calls of each), {told}"
    )


def _exp(found: OverVisits) -> OverVisits:
    value, low, high = (None if end is None else math.exp(end) for end in (found.value, found.low, found.high))
    return OverVisits(value, low, high, found.n, found.reason)


def _test(folder: Path) -> _Test:
    lab = Lab(folder, Path("mini-2.2"))
    path = lab.spec(**{**SPEC, "num_inference_steps": STEPS}, prompts=CAPTIONS[:1])
    plan = plan_spec(str(path), only={}, limit=None, device=None, store_path=lab.store.root)
    found = survey(lab.store, plan, None, Told())
    return _Test(lab.store, plan, found, keybook(plan, found))


def _pair(test: _Test, number: int) -> float:
    """The logarithm of the ratio of the two workers' times: the mean over neighbours in time."""
    with _worker(test, f"{number}-hurt") as hurt, _worker(test, f"{number}-sound") as sound:
        for station, labels in _turned([(hurt, FAILS), (sound, WORKS)], number):
            for label in labels:
                _make(test, station, label, fails=station is hurt)
            _load(test, station, "none")
            _seconds(test, station, warmups=2)
        found: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(TURNS):
            for station in _turned([hurt, sound], turn + number):
                found[station is hurt].append(_seconds(test, station))
    return sum(math.log(one / other) for one, other in zip(found[True], found[False], strict=True)) / TURNS


def _turned(both: list[Any], number: int) -> list[Any]:
    return both[:: 1 if number % 2 == 0 else -1]


@contextmanager
def _worker(test: _Test, name: str) -> Iterator[Station]:
    post = test.found.posts[0]
    station = Station(replace(post, log_path=post.log_path.with_name(f"{name}.log")))
    try:
        yield station
    finally:
        station.stop()


def _load(test: _Test, station: Station, label: str) -> None:
    cell = test.cell(label)
    group = next(one for one in test.plan.groups if one.id == cell.group)
    station.load(group, test.found.models[group.model])


def _make(test: _Test, station: Station, label: str, *, fails: bool) -> None:
    _load(test, station, label)
    cell = test.cell(label)
    rows = test.plan.rows_of(cell)
    keys = {"prior_key": test.book.prior(cell, rows), "images_key": test.book.images(cell, rows)}
    reply = call(station.worker(), Make(settings=cell.settings, rows=rows, made_in="benchmark", fresh=True, **keys))
    assert (reply.failure is not None) == fails, reply


def _seconds(test: _Test, station: Station, warmups: int = 0) -> float:
    cell = test.cell("none")
    rows = test.plan.rows_of(cell)
    asked = Time(settings=cell.settings, rows=rows, warmups=warmups, repeats=1, images_key=None)
    reply: Reply = call(station.worker(), asked)
    assert reply.failure is None, reply.failure
    (seconds,) = TimeDone.model_validate(reply.answer).steady_s
    return seconds

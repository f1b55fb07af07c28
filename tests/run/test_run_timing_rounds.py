"""A timing pass that was stopped goes on after its last whole round, by fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.runs import Lab
from support.timed_calls import Calls

from harness.run import timing
from harness.run.timing_pass import TimingPass
from harness.run.timing_record import Samples
from harness.run.timing_rounds import Rounds, keep_rounds, kept_rounds, keys_of
from harness.run.timing_visit import Visit
from harness.store.records import CellRecord, Failure, RunRecord, Timing

RULES = {"repeats": 2, "rounds": 3, "warmups": 1}
SPEC: dict[str, Any] = {
    "optimizations": ["none", "channels-last"], "num_inference_steps": 20, "metrics": ["world_truth"],
    "compare_to": {"optimizations": "none"}, "margins": {"latency": "5%"}, "timing": RULES,
}  # fmt: skip
STOPPED = "the timing pass was stopped, and went on after round {} of 3"


def _stop(lab: Lab, patch: pytest.MonkeyPatch, at: tuple[int, int]) -> RunRecord:
    """Run until the visit ``at`` (round, group) would begin, and end it there, as Ctrl-C does."""
    one_round, begun = timing.one_round, {"round": -1, "group": 0}

    def until(passes: Any, group: Any, round_index: int, turns: Any = "visit") -> None:
        begun["group"] = begun["group"] + 1 if round_index == begun["round"] else 0
        begun["round"] = round_index
        if (round_index, begun["group"]) == at:
            raise KeyboardInterrupt
        one_round(passes, group, round_index, turns)

    with patch.context() as within:
        within.setattr(timing, "one_round", until)
        lab.spec(**SPEC)
        with pytest.raises(KeyboardInterrupt):
            lab.run()
    (run_id,) = lab.store.run_ids()
    return lab.store.load_run(run_id)


def _rounds(lab: Lab, run: RunRecord) -> Path:
    return lab.store.root / "runs" / run.run_id / "timing-rounds.json"


def _timings(lab: Lab, run: RunRecord) -> dict[str, Timing]:
    found = {label: cell.timing for label, cell in lab.cells(run).items()}
    assert all(found.values())
    return {label: one for label, one in found.items() if one is not None}


def test_whole_rounds_are_kept_and_half_of_one_is_not(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = _stop(lab, monkeypatch, at=(1, 1))
    assert stopped.status == "interrupted" and _rounds(lab, stopped).is_file()
    assert {cell.timing for cell in lab.cells(stopped).values()} == {None}
    calls = Calls(monkeypatch)
    run = lab.run()
    assert (run.run_id, run.status, run.resumed) == (stopped.run_id, "finished", 1)
    first = [one for one in calls.timed() if one == ("channels-last", 20)]
    assert len(first) == 2 * RULES["repeats"]  # of the two rounds that were left
    for label, own in _timings(lab, run).items():
        assert own.round_of_call == [0, 0, 1, 1, 2, 2] and STOPPED.format(1) in own.disturbances
        assert (own.beside is None) == (label == "none")
        assert own.beside is None or own.beside.round_of_call == own.round_of_call
    assert STOPPED.format(1) in lab.told.said and not _rounds(lab, run).exists()
    assert lab.told.done["timing"][0] == lab.told.done["timing"][1]


def test_a_pass_that_is_stopped_twice_keeps_both_parts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _stop(lab, monkeypatch, at=(1, 0))
    _stop(lab, monkeypatch, at=(2, 0))
    own = _timings(lab, lab.run())["channels-last"]
    assert own.round_of_call == [0, 0, 1, 1, 2, 2]
    assert {STOPPED.format(1), STOPPED.format(2)} <= set(own.disturbances)


def test_a_pass_that_was_stopped_while_it_closed_its_cells_makes_no_call_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_cell, closed = type(lab.store).save_cell, list[str]()

    def full(store: Any, record: CellRecord, rows: Any = None) -> None:
        if record.timing is not None and closed:
            raise KeyboardInterrupt
        closed.extend([record.cell_id] if record.timing is not None else [])
        save_cell(store, record, rows)

    lab.spec(**SPEC)
    with monkeypatch.context() as within:
        within.setattr(type(lab.store), "save_cell", full)
        with pytest.raises(KeyboardInterrupt):
            lab.run()
    calls = Calls(monkeypatch)
    run = lab.run()
    assert len(closed) == 1 and calls.made == []
    assert all(own.round_of_call == [0, 0, 1, 1, 2, 2] and not own.disturbances for own in _timings(lab, run).values())


@dataclass
class Shelf:
    """As much of a desk as rounds need: what is kept of one run, and keys that are the cells' names on some machine."""

    data: bytes | None = None
    machine: str = "this"
    run_id: str = "run"

    @property
    def store(self) -> Shelf:
        return self

    @property
    def keys(self) -> Shelf:
        return self

    @property
    def plan(self) -> Shelf:
        return self

    def load_rounds(self, run_id: str) -> bytes | None:
        return self.data

    def save_rounds(self, run_id: str, data: bytes | None) -> None:
        self.data = data

    def cell(self, cell_id: str) -> str:
        return cell_id

    def timing(self, cell: str) -> str:
        return f"{cell} on {self.machine}"


def test_only_rounds_of_the_same_cells_on_the_same_machine_are_gone_on_with() -> None:
    desk: Any = Shelf()
    sample = Samples(steady_s=[1.0, 2.0], round_of_call=[0, 0], failure=Failure(kind="error", reason="planted"))
    sample.bracket_s[0].append(1.5)
    rounds = Rounds(keys=keys_of(desk, {"a", "b"}), done=1, alone=frozenset({"g"}), samples={"a": sample})
    assert kept_rounds(desk, {"a", "b"}) is None
    keep_rounds(desk, rounds)
    found = kept_rounds(desk, {"b", "a"})
    assert found == rounds and found.samples["a"].bracket_s[7] == []  # still a place for each visit to come
    assert kept_rounds(desk, {"a"}) is None and kept_rounds(desk, {"a", "b", "c"}) is None
    desk.machine = "another"
    assert kept_rounds(desk, {"a", "b"}) is None


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda _: b"{}", lambda _: b""])
def test_rounds_that_do_not_read_are_measured_anew(damage: Callable[[bytes], bytes]) -> None:
    desk: Any = Shelf()
    keep_rounds(desk, Rounds(keys=keys_of(desk, {"a"}), done=1, alone=frozenset(), samples={"a": Samples()}))
    assert desk.data is not None and kept_rounds(desk, {"a"}) is not None
    desk.data = damage(desk.data)
    assert kept_rounds(desk, {"a"}) is None


def test_two_passes_that_stand_at_different_rounds_begin_anew_together() -> None:
    begun: list[Any] = []

    def a_pass(done: int | None) -> SimpleNamespace:
        kept = None if done is None else SimpleNamespace(done=done)
        plan = SimpleNamespace(timing=SimpleNamespace(rounds=0), groups=())
        return SimpleNamespace(desk=SimpleNamespace(plan=plan), done=0, kept=lambda: kept, begin=begun.append,
                               close=lambda: None)  # fmt: skip

    for pair in ((2, 1), (None, 1), (2, 2), (None, None)):
        timing.run_passes([a_pass(done) for done in pair])  # type: ignore[misc]
    assert [None if one is None else one.done for one in begun] == [None] * 4 + [2, 2] + [None] * 2


def test_a_cell_that_was_lost_before_the_stop_stays_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = TimingPass.opened

    def lost_first(one: TimingPass, group: Any, round_index: int) -> Visit | None:
        visit = opened(one, group, round_index)
        if visit is not None and round_index == 0 and visit.cells[0].label == "channels-last":
            failure = Failure(kind="error", reason="planted")
            one.lose({visit.cells[0].id: failure}, ())
            return None
        return visit

    with monkeypatch.context() as within:
        within.setattr(TimingPass, "opened", lost_first)
        _stop(lab, within, at=(1, 0))
    cells = lab.cells(lab.run())
    assert cells["none"].timing is not None and len(cells["none"].timing.steady_s) == 6
    assert cells["channels-last"].timing is None and cells["channels-last"].timing_reason == "planted"

"""A timing pass that was stopped goes on after its last whole round, by fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fake_worker import NOT_A_NUMBER
from support.runs import Lab
from support.timed_calls import Calls

from harness.run import timing, timing_rounds
from harness.run.timing_pass import TimingPass
from harness.run.timing_record import Samples
from harness.run.timing_rounds import PassRounds, Rounds, keep_rounds, kept_rounds, keys_of
from harness.run.timing_visit import Visit
from harness.store.records import CellRecord, Failure, RunRecord, Timing

RULES = {"repeats": 2, "rounds": 3, "warmups": 1}
SPEC: dict[str, Any] = {
    "optimizations": ["none", "channels-last"], "num_inference_steps": 20, "metrics": ["world_truth"],
    "compare_to": {"optimizations": "none"}, "margins": {"latency": "5%"}, "timing": RULES,
}  # fmt: skip
STOPPED = "the timing pass was stopped, and went on after round {} of 3"


def _stop(lab: Lab, patch: pytest.MonkeyPatch, at: tuple[int, int], **changes: Any) -> RunRecord:
    """Run until the visit ``at`` (round, group) would begin, and end it there, as Ctrl-C does."""
    asked = {name: changes.pop(name) for name in ("remeasure", "name") if name in changes}
    one_round, begun = timing.one_round, {"round": -1, "group": 0}

    def until(passes: Any, group: Any, round_index: int, turns: Any = "visit") -> None:
        begun["group"] = begun["group"] + 1 if round_index == begun["round"] else 0
        begun["round"] = round_index
        if (round_index, begun["group"]) == at:
            raise KeyboardInterrupt
        one_round(passes, group, round_index, turns)

    with patch.context() as within:
        within.setattr(timing, "one_round", until)
        lab.spec(**{**SPEC, **changes})
        with pytest.raises(KeyboardInterrupt):
            lab.run(**asked)
    return lab.store.load_run(lab.store.run_ids()[-1])


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
    cell_timeout_s: float | None = None
    reference: str | None = None
    fresh: bool = False
    remeasure: bool = False
    run_id: str = "run"
    timing_rules: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(repeats=2))

    @property
    def store(self) -> Shelf:
        return self

    @property
    def keys(self) -> SimpleNamespace:
        return SimpleNamespace(timing=lambda cell: f"{cell.id} on {self.machine}")

    @property
    def plan(self) -> SimpleNamespace:
        return SimpleNamespace(cell=self.cell, timing=self.timing_rules, cell_timeout_s=self.cell_timeout_s)

    def load_rounds(self, run_id: str) -> bytes | None:
        return self.data

    def save_rounds(self, run_id: str, data: bytes | None) -> None:
        self.data = data

    def cell(self, cell_id: str) -> SimpleNamespace:
        return SimpleNamespace(id=cell_id, reference=self.reference if cell_id != self.reference else None)


def _kept(desk: Any) -> Rounds:
    """One round of cell ``a``, of two that were to be timed, is kept on the shelf."""
    sample = Samples(steady_s=[1.0, 2.0], round_of_call=[0, 0])
    sample.bracket_s[0].append(1.5)
    lost = Samples(failure=Failure(kind="error", reason="planted"))
    one = PassRounds(keys=keys_of(desk, {"a", "b"}), alone=frozenset({"g"}), samples={"a": sample, "b": lost})
    keep_rounds([(desk, {"a", "b"})], "visit", 1, [one])
    found = kept_rounds([(desk, {"b", "a"})], "visit")
    assert found is not None and found.done == 1 and found.passes == (one,)
    assert found.passes[0].samples["a"].bracket_s[7] == []  # still a place for each visit to come
    return found


CHANGES: dict[str, Callable[[Any], None]] = {
    "another machine": lambda desk: setattr(desk, "machine", "another"),
    "another limit of time": lambda desk: setattr(desk, "cell_timeout_s", 9.0),
    "another reference": lambda desk: setattr(desk, "reference", "b"),
    "to be measured again": lambda desk: setattr(desk, "remeasure", True),
    "to be made again": lambda desk: setattr(desk, "fresh", True),
    "a torn file": lambda desk: setattr(desk, "data", desk.data[:-9]),
    "no rounds at all": lambda desk: setattr(desk, "data", b"{}"),
    "a call that is missing": lambda desk: setattr(desk, "data", desk.data.replace(b"[1.0,2.0]", b"[1.0]")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rounds_of_anything_else_are_not_gone_on_with(change: str) -> None:
    desk: Any = Shelf()
    assert kept_rounds([(desk, {"a", "b"})], "visit") is None
    _kept(desk)
    CHANGES[change](desk)
    assert kept_rounds([(desk, {"a", "b"})], "visit") is None


def test_rounds_of_other_cells_turns_passes_or_code_are_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    desk: Any = Shelf(remeasure=True)
    _kept(desk)
    assert kept_rounds([(desk, {"a"})], "visit") is None and kept_rounds([(desk, {"a", "b", "c"})], "visit") is None
    assert kept_rounds([(desk, {"a", "b"})], "call") is None
    assert kept_rounds([(desk, {"a", "b"}), (desk, {"a", "b"})], "visit") is None
    monkeypatch.setattr(timing_rounds, "_code", lambda: "other code")
    assert kept_rounds([(desk, {"a", "b"})], "visit") is None


def test_the_same_command_again_is_no_wish_to_begin_anew(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds that `--remeasure` had begun are gone on with under it."""
    lab.spec(**SPEC)
    lab.run()
    stopped = _stop(lab, monkeypatch, at=(2, 0), remeasure=True, name="second")
    calls = Calls(monkeypatch)
    assert lab.run(remeasure=True, name="second").run_id == stopped.run_id
    assert calls.timed().count(("channels-last", 20)) == RULES["repeats"]


def test_a_stopped_pass_whose_first_reference_failed_is_the_same_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, stacks = [NOT_A_NUMBER, 20], ["none", "sdpa"]
    stopped = _stop(
        lab, monkeypatch, at=(1, 0), num_inference_steps=steps, optimizations=stacks, compare_to="first-that-fits"
    )
    assert any(cell.status == "failed" for cell in lab.cells(stopped).values())
    calls = Calls(monkeypatch)
    run = lab.run()
    assert run.run_id == stopped.run_id and calls.timed().count(("sdpa", 20)) == 2 * RULES["repeats"]


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

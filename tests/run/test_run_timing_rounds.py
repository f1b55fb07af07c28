"""A timing pass that was stopped goes on after its last whole round, by fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.runs import Lab
from support.timed_calls import Calls

from harness.run import timing
from harness.run.timing_pass import TimingPass
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


def _another_machine(path: Path) -> None:
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "keys": dict.fromkeys(kept["keys"], "another")}))


def _cell_less(path: Path) -> None:
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "keys": dict(list(kept["keys"].items())[1:])}))


def _damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("change", [_another_machine, _cell_less, _damaged])
def test_rounds_of_anything_else_are_not_gone_on_with(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    change(_rounds(lab, _stop(lab, monkeypatch, at=(2, 0))))
    calls = Calls(monkeypatch)
    own = _timings(lab, lab.run())["channels-last"]
    assert calls.timed().count(("channels-last", 20)) == RULES["rounds"] * RULES["repeats"] == len(own.steady_s)
    assert not any("stopped" in told for told in own.disturbances)


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

"""References that are called in turn with the cells of other groups, by fakes on a machine that slows down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.runs import Lab
from support.timed_calls import Calls, Change

from harness.run import companion, timing
from harness.run.protocol import Reply, Time
from harness.store.records import CellRecord, Comparison, Failure, RunRecord, Timing

TIMED = {"repeats": 2, "rounds": 2, "warmups": 1}
SPEC: dict[str, Any] = {
    "optimizations": ["none", "channels-last"], "num_inference_steps": 20, "metrics": ["world_truth"],
    "compare_to": {"optimizations": "none"}, "margins": {"latency": "5%"}, "timing": TIMED,
}  # fmt: skip
KILLED = Failure(kind="worker-died", reason="killed")


def _slowed(by: Callable[[Calls, Time], float]) -> Change:
    def change(calls: Calls, request: Time, reply: Reply) -> Reply:
        assert reply.answer is not None
        seconds = [second * by(calls, request) for second in reply.answer["steady_s"]]
        return reply.model_copy(update={"answer": {**reply.answer, "steady_s": seconds}})

    return change


def _run(lab: Lab, **keys: Any) -> tuple[RunRecord, dict[str, CellRecord]]:
    lab.spec(**{**SPEC, **keys})
    run = lab.run()
    return run, lab.cells(run)


def _timing(cell: CellRecord) -> Timing:
    assert cell.timing is not None
    return cell.timing


def _latency(cells: dict[str, CellRecord], label: str = "channels-last") -> Comparison:
    return next(one for one in cells[label].comparisons if one.metric == "latency")


def test_a_reference_is_called_next_to_each_cell_and_who_goes_first_changes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    _, cells = _run(lab, num_inference_steps=[20, 40])
    timed = calls.timed()
    none, last = [("none", 20), ("none", 40)], [("channels-last", 20), ("channels-last", 40)]
    own_first, other_first = ([pair for both in zip(*sides, strict=True) for pair in both]
                              for sides in ((last, none), (none, last)))  # fmt: skip
    assert timed[:12] == [*none * 2, *own_first, *other_first]
    assert timed[12:] == [*none[::-1] * 2, *other_first[2:], *other_first[:2], *own_first[2:], *own_first[:2]]
    assert calls.timed(0)[2:6] == own_first  # each is warmed up before its first call, in turn too
    for label, cell in cells.items():
        beside, own = _timing(cell).beside, _timing(cell)
        assert own.round_of_call == [0, 0, 1, 1] and len(own.load_s) == 2
        if label.startswith("none"):
            assert beside is None
        else:
            reference = next(one for one in cells.values() if one.cell_id == cell.reference)
            assert beside is not None and beside.timing_key == reference.timing_key != ""
            assert beside.steady_s == pytest.approx(_timing(reference).steady_s)
            assert beside.round_of_call == own.round_of_call
    done, total = lab.told.done["timing"]
    assert done == total


def test_what_slows_the_machine_cancels_and_what_the_cell_costs_does_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slows by two percent with each call: visits of their own would differ by a third. Three rounds, as usual."""
    Calls(monkeypatch, _slowed(lambda calls, of: 1.02 ** len(calls.made) * (1.1 if of.settings.optimizations else 1)))
    _, cells = _run(lab, timing={**TIMED, "rounds": 3})
    latency = _latency(cells)
    assert (latency.verdict, latency.n) == ("regressed", 3)
    assert latency.difference == pytest.approx(0.1, abs=1e-6)
    assert (_timing(cells["none"]).drift or 0) > 0.2


def test_cells_that_share_a_reference_have_its_calls_each_for_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are as fast as the reference, and the machine slows with each call: pooled calls would favour the first."""
    Calls(monkeypatch, _slowed(lambda calls, of: 1.02 ** len(calls.made) * 20 / of.settings.num_inference_steps))
    reference = {"optimizations": "none", "num_inference_steps": 20}
    _, cells = _run(lab, num_inference_steps=[20, 30, 40], compare_to=reference)
    for label in ("channels-last · 20 steps", "channels-last · 30 steps", "channels-last · 40 steps"):
        beside = _timing(cells[label]).beside
        assert beside is not None and beside.round_of_call == [0, 0, 1, 1]
        assert _latency(cells, label).difference == pytest.approx(0.0, abs=1e-6)


def test_where_one_reference_is_missing_the_others_stay_next_to_their_cells(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(calls: Calls, request: Time, reply: Reply) -> Reply:
        """The reference of 30 steps cannot be timed in its own visit."""
        stack, steps = request.settings.optimizations, request.settings.num_inference_steps
        lost = Failure(kind="error", reason="no timing of that")
        return Reply(id=reply.id, failure=lost) if not stack and steps == 30 else reply

    calls = Calls(monkeypatch, change)
    _, cells = _run(lab, num_inference_steps=[20, 30, 40])
    assert calls.timed()[4:14] == [
        ("channels-last", 20), ("none", 20), ("channels-last", 30), ("channels-last", 40), ("none", 40),
        ("none", 20), ("channels-last", 20), ("channels-last", 30), ("none", 40), ("channels-last", 40),
    ]  # fmt: skip
    assert _timing(cells["channels-last · 30 steps"]).beside is None
    assert all(_timing(cells[f"channels-last · {steps} steps"]).beside for steps in (20, 40))


def test_without_room_for_two_it_is_timed_alone_and_its_record_says_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion, "free_bytes", lambda: 0)
    _, cells = _run(lab)
    assert all(_timing(cell).beside is None for cell in cells.values())
    (told,) = _timing(cells["channels-last"]).disturbances
    assert "was not called in turn with it" in told and "no room for a worker" in told
    assert not _timing(cells["none"]).disturbances and _latency(cells).n == 2
    done, total = lab.told.done["timing"]
    assert done == total


def test_a_companion_that_fails_costs_the_visit_its_references_and_nothing_else(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(calls: Calls, request: Time, reply: Reply) -> Reply:
        """The companion dies of its second call in the second round: of the fifth worker's."""
        worker = calls.asked[-1]
        mine = [one for one in calls.asked if one is worker]
        is_it = list(dict.fromkeys(map(id, calls.asked))).index(id(worker)) == 4 and not request.settings.optimizations
        return Reply(id=reply.id, failure=KILLED) if is_it and len(mine) == 3 else reply

    Calls(monkeypatch, change)
    run, cells = _run(lab, num_inference_steps=[20, 40], timing={**TIMED, "rounds": 3})
    assert run.status == "finished"
    for label in ("channels-last · 20 steps", "channels-last · 40 steps"):
        own = _timing(cells[label])
        assert own.round_of_call == [0, 0, 1, 1, 2, 2]
        assert own.beside is not None and own.beside.round_of_call == [0, 0, 2, 2]
        assert any("in one visit: killed" in one for one in own.disturbances) and _latency(cells, label).n == 2


def test_a_cell_that_dies_in_company_is_timed_alone_before_it_is_lost(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where two workers were more than the memory holds: the cell's own was killed for it."""
    loaded: list[str] = []
    load = companion._load

    def join(one: companion.Companion) -> None:
        loaded.append(one.group.id)
        load(one)

    def change(calls: Calls, request: Time, reply: Reply) -> Reply:
        is_first = calls.timed().count(("channels-last", 20)) == 1
        dies = loaded and is_first and request.repeats and request.settings.optimizations
        return Reply(id=reply.id, failure=KILLED) if dies else reply

    monkeypatch.setattr(companion, "_load", join)
    Calls(monkeypatch, change)
    run, cells = _run(lab)
    assert run.status == "finished" and len(loaded) == 1
    own = _timing(cells["channels-last"])
    assert own.beside is None and own.round_of_call == [0, 0, 1, 1]
    assert [line for line in lab.told.said if "once more, without its reference" in line]


def test_a_reference_that_was_timed_before_is_called_beside_what_is_new(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(lab, optimizations=["none"], compare_to=None, margins=None)
    calls = Calls(monkeypatch)
    _, cells = _run(lab)
    assert calls.timed()[:2] == [("channels-last", 20), ("none", 20)]
    assert _timing(cells["none"]).measured_in != _timing(cells["channels-last"]).measured_in
    assert _latency(cells).verdict == "equivalent" and _latency(cells).n == 2


def test_an_accelerator_is_not_asked_to_hold_two(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [timing.turns_on(device) for device in ("cpu", "cuda:0", "mps")] == ["call", "visit", "visit"]
    calls = Calls(monkeypatch)
    monkeypatch.setattr(timing, "turns_on", lambda device: "visit")
    _, cells = _run(lab, optimizations=["none", "compile"])
    assert all(_timing(cell).beside is None for cell in cells.values())
    assert len(calls.made) == 2 * (2 + 2 * 2 + 2)  # warm-ups, calls, and a bracket for each group
    silent = [line for line in lab.told.said if line.startswith("compile: compiles before its first")]
    assert ["picture" in line for line in silent] == [True, False]  # once for each pass, not for each round

"""References that are called in turn with the cells of other groups, by fakes on a machine that slows down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.runs import Lab

from harness.run import timing, timing_visit
from harness.run.executor import Worker
from harness.run.protocol import Reply, Time
from harness.store.records import CellRecord, Comparison, Failure, RunRecord, Timing

SPEC: dict[str, Any] = {
    "optimizations": ["none", "channels-last"], "num_inference_steps": [20, 40], "metrics": ["world_truth"],
    "compare_to": {"optimizations": "none"}, "margins": {"latency": "5%"},
    "timing": {"repeats": 2, "rounds": 2, "warmups": 1},
}  # fmt: skip
Reshape = Callable[[int, Time, Reply], Reply]


class Calls:
    """Every timed request as it is made: who was asked, of how many steps; answers may be changed on their way."""

    def __init__(self, patch: pytest.MonkeyPatch, change: Reshape | None = None) -> None:
        self.made: list[tuple[str, int, int]] = []
        call = timing_visit.call

        def heard(worker: Worker, request: Any, timeout_s: float | None = None) -> Reply:
            reply = call(worker, request, timeout_s)
            if not isinstance(request, Time):
                return reply
            settings = request.settings
            self.made.append((settings.optimizations_label, settings.num_inference_steps, request.repeats))
            return change(len(self.made), request, reply) if change else reply

        patch.setattr(timing_visit, "call", heard)


def _slowed(by: Callable[[int, Time], float]) -> Reshape:
    def change(number: int, request: Time, reply: Reply) -> Reply:
        assert reply.answer is not None
        seconds = [second * by(number, request) for second in reply.answer["steady_s"]]
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


def test_a_reference_is_called_next_to_each_cell_and_goes_first_in_every_other_round(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    _, cells = _run(lab)
    per_round = len(calls.made) // 2
    rounds = [calls.made[at : at + per_round] for at in range(0, len(calls.made), per_round)]
    apart = [[(who, steps) for who, steps, repeats in one if repeats == 1][4:] for one in rounds]
    assert apart[0] == [("channels-last", 20), ("none", 20), ("channels-last", 40), ("none", 40)] * 2
    assert apart[1] == [("none", 40), ("channels-last", 40), ("none", 20), ("channels-last", 20)] * 2
    warm = [(who, steps) for who, steps, repeats in rounds[0] if repeats == 0]
    assert warm == [
        ("none", 20),
        ("none", 40),
        ("channels-last", 20),
        ("none", 20),
        ("channels-last", 40),
        ("none", 40),
    ]
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
    """It slows by two percent with each call: visits of their own would differ by a third."""
    Calls(monkeypatch, _slowed(lambda number, of: 1.02**number * (1.1 if of.settings.optimizations else 1.0)))
    _, cells = _run(lab, num_inference_steps=20, timing={**SPEC["timing"], "rounds": 4})
    latency = _latency(cells)
    assert (latency.verdict, latency.n) == ("regressed", 4)
    assert latency.difference == pytest.approx(0.1, abs=0.01)
    assert (_timing(cells["none"]).drift or 0) > 0.3


def test_without_room_for_two_it_is_timed_alone_and_says_so_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_visit, "memory_of_machine", lambda: (2**40, 0))
    _, cells = _run(lab)
    assert all(_timing(cell).beside is None for cell in cells.values())
    (told,) = [line for line in lab.told.said if "no room" in line]
    assert "channels-last · 20 steps" in told and "visit by visit" in told
    assert _latency(cells, "channels-last · 20 steps").n == 2


def test_a_companion_that_fails_costs_the_visit_its_reference_and_nothing_else(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def change(number: int, request: Time, reply: Reply) -> Reply:
        """The second call of the reference in the second round's companion."""
        if not request.settings.optimizations and request.repeats:
            seen.append(number)
        lost = Failure(kind="worker-died", reason="killed")
        return Reply(id=reply.id, failure=lost) if len(seen) == 10 and seen[-1] == number else reply

    Calls(monkeypatch, change)
    run, cells = _run(lab, num_inference_steps=20, timing={**SPEC["timing"], "rounds": 3})
    assert run.status == "finished"
    other = _timing(cells["channels-last"])
    assert other.round_of_call == [0, 0, 1, 1, 2, 2] and _timing(cells["none"]).round_of_call == other.round_of_call
    assert other.beside is not None and other.beside.round_of_call == [0, 0, 2, 2]
    assert _latency(cells).n == 2
    assert [line for line in lab.told.said if "beside other cells" in line]


def test_an_accelerator_is_not_asked_to_hold_two(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [timing.turns_on(device) for device in ("cpu", "cuda:0", "mps")] == ["call", "visit", "visit"]
    calls = Calls(monkeypatch)
    monkeypatch.setattr(timing, "turns_on", lambda device: "visit")
    _, cells = _run(lab, optimizations=["none", "compile"])
    assert all(_timing(cell).beside is None for cell in cells.values())
    assert len(calls.made) == 2 * (4 + 4 * 2 + 2)  # warm-ups, calls, and a bracket for each group
    silent = [line for line in lab.told.said if line.startswith("compile: compiles before its first")]
    assert ["picture" in line for line in silent] == [True, False]  # once for each pass, not for each round

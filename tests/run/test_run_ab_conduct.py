"""Two environments that are fakes: who makes what, in which turn, what is kept, and what a slower one is called."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.environments import fake
from support.fake_worker import DIES_AT, DIFFUSERS, FAILS_AT, SLOWER, noted
from support.runs import Lab, Told

from harness.compare.ab_report import Files, report_ab
from harness.compare.outcome import exit_code
from harness.errors import ExitCode, MissingError
from harness.run import timing
from harness.run.ab import conduct
from harness.run.ab.conduct import balanced
from harness.run.ab.whole import AbRun, Made, make_pair
from harness.run.forecast import plan_spec
from harness.run.guest import Guest
from harness.run.timing import in_turns
from harness.run.timing_pass import TimingPass
from harness.store.records import Turns

Pairs = Callable[..., Made]
TIMED = {"repeats": 2, "rounds": 2, "warmups": 1}


@pytest.fixture
def pairs(lab: Lab, tmp_path: Path) -> Pairs:
    """Makes the two runs of a spec in two fakes, ``old`` and ``new``, of which the new one is as it is told."""

    def make(
        new: dict[str, str] | None = None,
        pair: tuple[Guest, Guest] | None = None,
        turns: Turns | None = None,
        **keys: Any,
    ) -> Made:
        path = lab.spec(**{"num_inference_steps": [20, 5], "metrics": ["world_truth"], **keys})
        plan = plan_spec(str(path), only={}, limit=None, device=None, store_path=lab.store.root)
        request = AbRun(plan, lab.store.root, "harness ab", ("old", "new"), turns=turns)
        both = pair or (fake(tmp_path, "old"), fake(tmp_path, "new", **(new or {})))
        return make_pair(lab.store, request, both, Told())

    return make


def test_both_run_in_turns_and_a_slower_one_and_a_new_failure_are_found(lab: Lab, tmp_path: Path, pairs: Pairs) -> None:
    new = {DIFFUSERS: "0.99", SLOWER: "1.2", FAILS_AT: "7"}
    made = pairs(new, num_inference_steps=[20, 5, 7], metrics=["clip_score"], timing=TIMED)
    a, b = made.runs
    assert (tmp_path / "order").read_text().split() == ["old", "new", "old", "new", "new", "old"]
    assert [(run.name, run.status) for run in made.runs] == [("lab-a", "finished"), ("lab-b", "failed-cells")]
    assert a.pair is not None and b.pair is not None and a.pair.id == b.pair.id == a.run_id
    assert (a.pair.side, a.pair.other, a.pair.environment) == ("a", b.run_id, "old")
    assert (b.pair.side, b.pair.other, b.pair.installed["diffusers"]) == ("b", a.run_id, "0.99")
    pictures = [lab.pictures(run) for run in made.runs]
    assert pictures[0]["20 steps"] == pictures[1]["20 steps"] and len(pictures[0]["20 steps"]) == 6
    assert noted(lab.store.root, "images") == 2 * 3 + 2 * 2  # two batches of three cells, and of two
    keys = [{batch.key for cell in lab.cells(run).values() for batch in cell.batches} for run in made.runs]
    assert not keys[0] & keys[1]
    old = lab.cells(a)
    assert old["7 steps"].timing is None and "other environment" in str(old["7 steps"].timing_reason)
    assert old["5 steps"].timing is not None and old["5 steps"].timing.round_of_call == [0, 0, 1, 1]
    report = report_ab(lab.store.root, [a.run_id, b.run_id], made.notes, Files())
    found = {finding.metric: finding for finding in report.compared.cells[0].findings}
    assert found["latency"].verdict == "regressed" and found["latency"].difference == pytest.approx(0.2)
    assert found["latency"].n == 2 and found["clip_score"].verdict == "equivalent"
    assert report.compared.cells[2].outcome == "new failure"
    assert exit_code(report.compared, strict=False) == ExitCode.REGRESSED
    assert list(report.changed()) == [("diffusers", "0.0", "0.99")]


@pytest.mark.parametrize(("turns", "told_by"), [("call", "call"), ("visit", "visit"), ("call", "asked for")])
def test_calls_alternate_on_a_processor_and_visits_do_where_memory_does_not_hold_two(
    turns: Turns, told_by: str, lab: Lab, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Told, "advance", lambda _, stage, *others: told.append(stage.split()[-1]))
    room = {"call": 2**40, "visit": 0, "asked for": 0}[told_by]
    monkeypatch.setattr(conduct, "free_bytes", lambda: room)
    asked = turns if told_by == "asked for" else None
    made = pairs(num_inference_steps=[20], timing={"repeats": 3, "rounds": 2, "warmups": 1}, turns=asked)
    timed = told[-12:]
    one, other = (["old", "new"] * 3, ["new", "old"] * 3) if turns == "call" else (
        ["old"] * 3 + ["new"] * 3, ["new"] * 3 + ["old"] * 3)  # fmt: skip
    assert timed == [*one, *other]
    assert [run.pair and run.pair.turns for run in made.runs] == [turns] * 2
    report = report_ab(lab.store.root, [run.run_id for run in made.runs], made.notes, Files())
    assert any(f"in turns, {'call by call' if turns == 'call' else 'round by round'}" in note
               for note in report.compared.notes)  # fmt: skip


def test_turns_end_both_whatever_happens() -> None:
    ended: list[str] = []

    def steps(name: str, n: int, fails: bool = False) -> Generator[None]:
        try:
            for _ in range(n):
                yield
            if fails:
                raise OSError("full")
        finally:
            ended.append(name)

    in_turns([steps("short", 1), steps("long", 3)], "call")
    assert ended == ["short", "long"]
    with pytest.raises(OSError, match="full"):
        in_turns([steps("waits", 9), steps("fails", 1, fails=True)], "call")
    assert ended[2:] == ["fails", "waits"]
    in_turns([steps("first", 1), steps("second", 9)], "visit", until=lambda: "first" in ended)
    assert ended[4:] == ["first"]  # the other had not begun


@pytest.mark.parametrize("turns", ["call", "visit"])
def test_what_one_side_loses_leaves_both_and_no_half_visit_is_kept(
    turns: Turns, lab: Lab, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one dies of its middle cell: what both had by then is taken anew, and the old one's is not timed."""
    calls: list[tuple[str, str]] = []
    monkeypatch.setattr(Told, "advance", lambda _, stage, label, *others: calls.append((stage.split()[-1], label)))
    made = pairs({DIES_AT: "5"}, num_inference_steps=[3, 5, 4], timing=TIMED, turns=turns)
    cells = [lab.cells(run) for run in made.runs]
    for side in cells:
        for label in ("3 steps", "4 steps"):
            assert side[label].timing is not None and side[label].timing.round_of_call == [0, 0, 1, 1]
    failure = cells[1]["5 steps"].timing_failure
    assert failure is not None and failure.kind == "worker-died" and cells[0]["5 steps"].timing_failure is None
    assert cells[0]["5 steps"].timing is None and "other environment" in str(cells[0]["5 steps"].timing_reason)
    kept = [call for call in calls if call[1] != "5 steps"][-16:]  # two sides, rounds, sweeps and cells: all of them
    first, second = kept[:8], kept[8:]
    assert [{name for name, _ in half} for half in (first, second)] == [{"old", "new"}] * 2
    assert [sum(name == "old" for name, _ in half) for half in (first, second)] == [4, 4]
    assert "5 steps" not in {label for _, label in calls[-16:]}


def test_a_pair_that_was_cut_off_goes_on_and_one_that_ended_is_made_anew(
    lab: Lab, tmp_path: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(desk: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(conduct, "judge", cut)
        with pytest.raises(KeyboardInterrupt):
            pairs()
    assert [lab.store.load_run(run_id).status for run_id in lab.store.run_ids()] == ["interrupted"] * 2
    again = pairs()
    assert sorted(run.run_id for run in again.runs) == lab.store.run_ids()
    assert [(run.status, run.resumed) for run in again.runs] == [("finished", 1)] * 2
    assert noted(lab.store.root, "images") == 2 * 2 * 2  # of two cells, in two batches, by both: none twice
    anew = pairs()
    assert {run.run_id for run in anew.runs}.isdisjoint(run.run_id for run in again.runs)
    assert noted(lab.store.root, "images") == 2 * (2 * 2 * 2)
    assert (tmp_path / "order").read_text().split() == ["old", "new"] * 3
    assert {cell.timing_reason for cell in lab.cells(anew.runs[1]).values()} == {"the spec turns timing off"}


def _cut_off_and_again(
    lab: Lab, pairs: Pairs, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, cut: Callable[..., None]
) -> tuple[int, Made]:
    """The timed requests of a pair that ``cut`` ends, and the pair that the same command makes of it then."""
    with monkeypatch.context() as patched:
        patched.setattr(where, name, cut)
        with pytest.raises(KeyboardInterrupt):
            pairs(num_inference_steps=[20], timing=TIMED)
    return noted(lab.store.root, "timing"), pairs(num_inference_steps=[20], timing=TIMED)


def test_a_pair_that_was_cut_off_while_it_was_timed_goes_on_after_the_last_round_of_both(
    lab: Lab, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_round = timing.one_round

    def cut(passes: Any, group: Any, round_index: int, turns: Turns) -> None:
        if round_index == 1:
            raise KeyboardInterrupt
        one_round(passes, group, round_index, turns)

    made, again = _cut_off_and_again(lab, pairs, monkeypatch, timing, "one_round", cut)
    assert noted(lab.store.root, "timing") == 2 * made > 0
    for run in again.runs:
        (cell,) = lab.cells(run).values()
        assert run.resumed == 1 and cell.timing is not None and cell.timing.round_of_call == [0, 0, 1, 1]
        assert "the timing pass was stopped, and went on after round 1 of 2" in cell.timing.disturbances
        assert not (lab.store.root / "runs" / run.run_id / "timing-rounds.json").exists()


def test_a_pair_that_was_closed_on_one_side_only_is_closed_again_without_a_call(
    lab: Lab, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, closed = TimingPass.close, list[TimingPass]()

    def cut(one: TimingPass) -> None:
        if closed:
            raise KeyboardInterrupt
        closed.append(one)
        close(one)

    made, again = _cut_off_and_again(lab, pairs, monkeypatch, TimingPass, "close", cut)
    assert noted(lab.store.root, "timing") == made and len(closed) == 1
    for run in again.runs:
        (cell,) = lab.cells(run).values()
        assert cell.timing is not None and cell.timing.round_of_call == [0, 0, 1, 1]
        assert cell.timing.measured_in == run.run_id and not cell.timing.disturbances


def test_times_that_were_closed_on_one_side_only_are_taken_again_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    def untimed(desk: Any, *, whole: bool = False) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=name) for name in ("one", "two") if whole or name in desk.left]

    monkeypatch.setattr(conduct, "untimed_cells", untimed)
    sides = [SimpleNamespace(desk=SimpleNamespace(left=left), post=None) for left in ((), ("one", "two"))]
    assert [one.todo for one in conduct._passes(tuple(sides))] == [{"one", "two"}] * 2  # type: ignore[arg-type]


def test_an_environment_whose_worker_does_not_start_ends_it_before_anything_runs(
    lab: Lab, tmp_path: Path, pairs: Pairs
) -> None:
    path = tmp_path / "broken"
    path.write_text("#!/bin/sh\necho 'ImportError: no KandinskyV22Pipeline' >&2\nexit 1\n")
    path.chmod(0o755)
    with pytest.raises(MissingError) as refused:
        pairs(pair=(Guest("broken", path), Guest("never", path)))
    assert "broken" in refused.value.happened and "no KandinskyV22Pipeline" in refused.value.happened
    assert "a diffusers with Kandinsky's pipelines" in refused.value.expected and str(path) in refused.value.do
    assert lab.store.run_ids() == []


def test_each_goes_first_as_often_as_the_other(lab: Lab) -> None:
    path = lab.spec(timing={"rounds": 3})
    plan = plan_spec(str(path), only={}, limit=None, device=None, store_path=lab.store.root)
    assert [balanced(plan, rounds).timing.rounds for rounds in (None, 2, 5)] == [4, 2, 6]

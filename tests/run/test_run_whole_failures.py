"""A failed cell is a result: it has its reason, the others have their numbers, and the known answers come out."""

from __future__ import annotations

import sys

import pytest
from support.fake_worker import DIES_WHEN_TIMED, HANGS, HANGS_WHEN_TIMED, NOT_A_NUMBER, install, noted
from support.runs import Lab

from harness.errors import StoreError, UsageError
from harness.run.listing import list_runs, status_of

TIMED = {"timing": {"repeats": 4, "rounds": 2, "warmups": 1}}


def test_cells_fail_alone(lab: Lab) -> None:
    """Not-a-number pictures and a call without end, between two good cells and the reference."""
    lab.spec(num_inference_steps=[20, NOT_A_NUMBER, HANGS, 5], compare_to={"num_inference_steps": 40}, cell_timeout=5)
    run = lab.run()
    cells = lab.cells(run)
    failures = {label: cell.failure.kind for label, cell in cells.items() if cell.failure}
    assert failures == {f"{NOT_A_NUMBER} steps": "not-a-number", f"{HANGS} steps": "timeout"}
    late = cells[f"{HANGS} steps"].failure
    assert late is not None and "5 s" in late.reason and "cell_timeout" in late.do
    assert run.status == "failed-cells"
    assert {label for label, cell in cells.items() if cell.status == "done"} == {"20 steps", "5 steps", "40 steps"}
    assert all(cell.scores and cell.comparisons for label, cell in cells.items() if label in ("20 steps", "5 steps"))
    assert not cells[f"{HANGS} steps"].comparisons
    text = status_of(lab.folder / "runs", run.run_id, as_json=False)
    assert "3/5" in text and "not finite numbers" in text and "cell's remaining" in text
    assert "failed-cells" in list_runs(lab.folder / "runs", as_json=False)
    assert [line for line in lab.told.said if line.startswith("failed: ")]


def test_a_cell_that_cannot_be_timed_keeps_its_pictures_and_costs_no_other_its_timing(lab: Lab) -> None:
    steps = [20, DIES_WHEN_TIMED, HANGS_WHEN_TIMED, 5]
    lab.spec(num_inference_steps=steps, compare_to={"num_inference_steps": 40}, cell_timeout=5, **TIMED)
    run = lab.run()
    cells = lab.cells(run)
    assert run.status == "finished" and all(cell.status == "done" and cell.scores for cell in cells.values())
    timed = {label: cell.timing for label, cell in cells.items() if cell.timing}
    assert set(timed) == {"20 steps", "5 steps", "40 steps"}
    assert "killed" in (cells[f"{DIES_WHEN_TIMED} steps"].timing_reason or "")
    assert "remaining 5 s" in (cells[f"{HANGS_WHEN_TIMED} steps"].timing_reason or "")
    assert all(len(t.steady_s) == 8 and t.round_of_call == [0] * 4 + [1] * 4 for t in timed.values())
    assert all(len(t.load_s) == 2 for t in timed.values())


def test_the_known_answers_come_out(lab: Lab) -> None:
    """A call costs 10 ms a step; from 10 steps on everything is right; the CLIP cosine is the steps' hundredth."""
    lab.spec(num_inference_steps=[5, 20], compare_to={"num_inference_steps": 40},
             margins={"clip_score": 25, "world_truth": 0.05, "latency": "5%"}, **TIMED)  # fmt: skip
    cells = lab.cells(lab.run())
    scores = {label: {s.metric: s.value for s in cell.scores} for label, cell in cells.items()}
    assert scores["5 steps"] == {"clip_score": pytest.approx(5.0), "world_truth": 0.0}
    assert scores["20 steps"] == {"clip_score": pytest.approx(20.0), "world_truth": 1.0}
    assert all((s.n, s.n_prompts) == (6, 6) and s.interval for cell in cells.values() for s in cell.scores)
    found = {label: {c.metric: c for c in cell.comparisons} for label, cell in cells.items()}
    assert found["40 steps"] == {}
    assert [found["5 steps"][metric].verdict for metric in ("clip_score", "world_truth")] == ["regressed"] * 2
    assert found["20 steps"]["clip_score"].verdict == "equivalent" and found["20 steps"]["world_truth"].difference == 0
    twenty = found["20 steps"]
    assert twenty["clip_score"].difference == pytest.approx(-20.0) and twenty["clip_score"].margin == 25
    assert twenty["latency"].difference == pytest.approx(-0.5) and twenty["latency"].margin == pytest.approx(0.05)
    timing, memory = cells["20 steps"].timing, cells["20 steps"].memory
    assert timing and timing.latency_s == pytest.approx(0.2) and timing.throughput_images_per_s == pytest.approx(5.0)
    assert timing.drift == 0.0 and timing.images_match_quality_pass is True
    assert timing.load_s == [0.5, 0.5] and set(timing.first_call_s) <= {1.0}
    assert memory and (memory.kind, memory.peak_bytes) == ("device-allocated", 20 << 20)


def test_a_damaged_result_is_told_and_made_again_by_the_same_command(lab: Lab) -> None:
    lab.spec(num_inference_steps=[20, 40])
    first = lab.run()
    batch = lab.cells(first)["20 steps"].batches[0]
    path = lab.store.path("images", batch.key)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as told:
        lab.run(name="second")
    assert "repeat the command" in told.value.do
    made = noted(lab.store.root, "images")
    second = lab.run(name="second")
    assert second.status == "finished" and lab.pictures(second) == lab.pictures(first)
    assert noted(lab.store.root, "images") == made + 1 and second.resumed == 1


def test_a_disk_that_is_full_for_workers_ends_the_run_and_fails_no_cell(
    lab: Lab, fakes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even their logs can be written then."""
    lab.spec(num_inference_steps=[20, 40])
    (lab.folder / "limited").mkdir()
    monkeypatch.setattr(sys, "executable", str(install(lab.folder / "limited", "ulimit -f 0")))
    with pytest.raises(StoreError, match="could not write") as told:
        lab.run()
    assert "free space" in told.value.do
    (run_id,) = lab.store.run_ids()
    assert lab.store.load_run(run_id).status == "interrupted"
    assert {cell.status for cell in lab.store.load_cells(run_id)} == {"pending"}
    monkeypatch.setattr(sys, "executable", fakes)
    again = lab.run()
    assert (again.run_id, again.status) == (run_id, "finished")


@pytest.mark.parametrize("devices", ["0,x", "0,0", "0, 0", "00,0", "-1", ",", "²"])
def test_devices_that_make_no_sense(lab: Lab, devices: str) -> None:
    lab.spec(num_inference_steps=20)
    with pytest.raises(UsageError, match="no list of devices"):
        lab.run(devices=devices)
    assert lab.store.run_ids() == []

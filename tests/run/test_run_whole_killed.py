"""A run that is killed, interrupted or out of disk goes on where it stood, and ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.fake_worker import DIES_ONCE, install, noted
from support.runs import Lab, command, once, whole_record

from harness.errors import ExitCode
from harness.run.listing import status_of
from harness.store.records import RunRecord

SWEEP = {"num_inference_steps": [5, 20, 40], "compare_to": {"num_inference_steps": 40}}
TIMED = {**SWEEP, "timing": {"repeats": 3, "rounds": 2, "warmups": 1}}


@pytest.fixture(scope="session")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The records of a run that nothing disturbed."""

    def make(folder: Path) -> None:
        lab = Lab(folder, tiny)
        lab.spec(**TIMED)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "executable", str(install(folder)))
            record = whole_record(lab.store, lab.run().run_id)
        (folder / "record.json").write_text(json.dumps(record))

    found: dict[str, Any] = json.loads((once(tmp_path_factory, "undisturbed", make) / "record.json").read_text())
    return found


CALLS = 2 * (3 * 3 + 1)  # requests of the timing pass: two rounds of three sweeps over three cells, and the bracket


def _start(lab: Lab, fakes: str, **plant: int | str) -> tuple[int, str]:
    done = command("run", lab.spec(**TIMED), "--store", lab.folder / "runs", "--no-track", executable=fakes, **plant)  # type: ignore[arg-type]
    return done.returncode, done.stderr


def _only_run(lab: Lab) -> RunRecord:
    (run_id,) = lab.store.run_ids()
    return lab.store.load_run(run_id)


@pytest.mark.parametrize("field", ["batches", "timing"])
def test_killed_at_any_time_the_same_command_continues_the_run(
    lab: Lab, fakes: str, whole: dict[str, Any], field: str
) -> None:
    code, said = _start(lab, fakes, signal=signal.SIGKILL, field=field)
    assert code == -signal.SIGKILL and "Traceback" not in said
    killed = _only_run(lab)
    assert (
        killed.status == "running"
        and json.loads(status_of(lab.folder / "runs", None, as_json=True))[0]["status"] == "interrupted"
    )
    again = lab.run()
    assert (again.run_id, again.resumed, again.status) == (killed.run_id, 1, "finished")
    assert whole_record(lab.store, again.run_id) == whole
    assert noted(lab.store.root, "images") <= 6 + 2  # what was under way at the kill may be made again
    calls = noted(lab.store.root, "timing")  # one that was cut off while it closed its cells is only closed again
    assert all(cell.timing for cell in lab.cells(again).values()) and calls == CALLS


def test_an_end_by_hand_is_no_cells_failure(lab: Lab, fakes: str, whole: dict[str, Any]) -> None:
    code, said = _start(lab, fakes, signal=signal.SIGINT, field="batches")
    assert code == ExitCode.INTERRUPTED and "the same command continues" in said
    assert "failed" not in said and "not scored" not in said and "Traceback" not in said
    stopped = _only_run(lab)
    assert stopped.status == "interrupted" and stopped.finished_ms is not None
    cells = lab.store.load_cells(stopped.run_id)
    assert {cell.status for cell in cells} <= {"pending", "done"} and not any(cell.failure for cell in cells)
    again = lab.run()
    assert again.run_id == stopped.run_id and whole_record(lab.store, again.run_id) == whole


def test_a_full_disk_ends_the_run_and_loses_nothing(lab: Lab, fakes: str, whole: dict[str, Any]) -> None:
    lab.spec(**{**TIMED, "num_inference_steps": [5], "compare_to": None}, name="before")
    before = lab.run()
    kept = {path: path.read_bytes() for path in lab.store.root.rglob("*.json")}
    limit = max(len(data) for data in kept.values()) // 2
    code, said = _start(lab, fakes, bytes_=limit)
    assert code == ExitCode.STORE and "free space" in said and "Traceback" not in said
    assert {path: path.read_bytes() for path in kept} == kept
    lab.spec(**TIMED)
    after = lab.run()
    assert after.status == "finished" and after.run_id != before.run_id
    assert lab.pictures(after)["5 steps"] == next(iter(lab.pictures(before).values()))
    assert whole_record(lab.store, after.run_id)["rows"] == whole["rows"]


def test_a_worker_that_dies_costs_one_cell_and_what_it_had_stored_stays(lab: Lab) -> None:
    lab.spec(num_inference_steps=[DIES_ONCE, 20])
    first = lab.run()
    died, other = lab.cells(first).values()
    assert (first.status, died.status, other.status) == ("failed-cells", "failed", "done")
    assert died.failure is not None and died.failure.kind == "worker-died" and "tries the cell again" in died.failure.do
    made = noted(lab.store.root, "images")
    assert made == 3  # one batch before it died, two of the other cell
    second = lab.run()
    assert second.run_id != first.run_id and second.status == "finished"
    assert noted(lab.store.root, "images") == made + 1
    assert [batch.reused for cell in lab.cells(second).values() for batch in cell.batches] == [True, False, True, True]
    assert second.made["images"] == 2 and second.reused["images"] == 10 and "prior" not in second.made


def test_a_run_that_had_taken_timings_over_times_again_when_it_is_continued_with_remeasure(
    lab: Lab, fakes: str
) -> None:
    lab.spec(**TIMED)
    first = lab.run()
    made = noted(lab.store.root, "timing")
    killed = command("run", lab.folder / "spec.yaml", "--store", lab.store.root, "--name", "second",
                     executable=fakes, signal=signal.SIGKILL, field="timing")  # fmt: skip
    assert killed.returncode == -signal.SIGKILL and noted(lab.store.root, "timing") == made
    second = lab.run(name="second", remeasure=True)
    assert second.resumed == 1 and noted(lab.store.root, "timing") == 2 * made
    assert all(cell.timing and cell.timing.measured_in == second.run_id for cell in lab.cells(second).values())
    assert first.run_id != second.run_id

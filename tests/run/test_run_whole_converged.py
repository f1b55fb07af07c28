"""Cells held against their scheduler's own converged solution: what is made, shared, scored, reused, and what fails."""

from __future__ import annotations

import io
import signal
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.fake_worker import DIES_ONCE, NOT_A_NUMBER, noted
from support.runs import CAPTIONS, Lab, command, whole_record

from harness.errors import ExitCode
from harness.plan.forecast import calls_of
from harness.run.listing import status_of
from harness.store.gc import collect
from harness.store.records import CellRecord, RunRecord, Score

METRIC = "converged_distance"
HELD: dict[str, Any] = {
    "scheduler": ["DDIM", "DPMSolverMultistep"], "num_inference_steps": [5, 20], "metrics": ["clip_score", METRIC],
    "converged": {"num_inference_steps": 80, "first": 4}, "compare_to": {"num_inference_steps": 20},
}  # fmt: skip
DDIM = {**HELD, "scheduler": "DDIM", "compare_to": None}
TIMED = {**HELD, "timing": {"repeats": 3, "rounds": 2, "warmups": 1}}
DDIM_SOLUTION, DPM_SOLUTION = "DDIM · converged, 80 steps", "DPMSolverMultistep · converged, 80 steps"
N, FIRST = len(CAPTIONS), 4


def _pictures(lab: Lab, cell: CellRecord) -> dict[str, Any]:
    """Row id → pixels, by the records alone."""
    found = {}
    for batch in cell.batches:
        with zipfile.ZipFile(io.BytesIO(lab.store.get("images", batch.key))) as archive:
            for row_id, name in zip(batch.rows, archive.namelist(), strict=True):
                found[row_id] = np.asarray(Image.open(io.BytesIO(archive.read(name))), dtype=np.float64)
    return found


def _by_hand(lab: Lab, run: RunRecord, label: str, solution: str) -> dict[str, float]:
    mine, theirs = (_pictures(lab, lab.cells(run)[name]) for name in (label, solution))
    return {row: float(np.sqrt(np.mean((mine[row] - other) ** 2))) for row, other in theirs.items()}


def _column(lab: Lab, run: RunRecord, label: str) -> dict[str, float | None]:
    rows = lab.store.image_rows(run.run_id, lab.cells(run)[label].cell_id) or []
    return {row["row_id"]: row[METRIC] for row in rows}


def _score(lab: Lab, run: RunRecord, label: str, metric: str = METRIC) -> Score:
    return next(score for score in lab.cells(run)[label].scores if score.metric == metric)


def test_each_cell_is_held_against_the_same_rows_of_its_own_scheduler(lab: Lab) -> None:
    lab.spec(**HELD)
    run = lab.run()
    assert run.status == "finished" and noted(lab.store.root, "images") == 4 * 2 + 2
    cells = lab.cells(run)
    assert list(cells)[-2:] == [DDIM_SOLUTION, DPM_SOLUTION]
    for label in list(cells)[:-2]:
        solution = DDIM_SOLUTION if label.startswith("DDIM") else DPM_SOLUTION
        expected, column = _by_hand(lab, run, label, solution), _column(lab, run, label)
        assert list(expected) == list(column)[:FIRST] and len(set(expected.values())) == FIRST
        assert column == {**{row: pytest.approx(value) for row, value in expected.items()},
                          **dict.fromkeys(list(column)[FIRST:])}  # fmt: skip
        score = _score(lab, run, label)
        assert score.value == pytest.approx(np.mean(list(expected.values())))
        assert (score.n, score.n_prompts, score.unit, score.direction) == (FIRST, FIRST, "levels", "lower")
        assert score.interval is None and score.made_by["converged_steps"] == 80
        left_out = "2 of 6 pictures are left out: no converged picture to be held against"
        assert score.reason == f"{left_out}; {FIRST} prompts: an interval of a mean needs 6"
        assert _score(lab, run, label, "clip_score").n == N
        assert METRIC not in {comparison.metric for comparison in cells[label].comparisons}


def test_a_solution_is_made_and_nothing_else_is_asked_of_it(lab: Lab) -> None:
    lab.spec(**TIMED)
    run = lab.run()
    solution = lab.cells(run)[DDIM_SOLUTION]
    assert (solution.status, solution.scores, solution.features, solution.comparisons) == ("done", [], {}, [])
    assert (solution.timing, solution.memory, solution.timing_key) == (None, None, "")
    assert solution.timing_reason == "a converged solution is not timed"
    assert [len(batch.rows) for batch in solution.batches] == [FIRST]
    assert noted(lab.store.root, "timing") == 2 * (4 * 3 + 1) and run.made["timing"] == 4
    assert all(cell.timing for label, cell in lab.cells(run).items() if "converged" not in label)
    calls = [calls_of(cell.settings) for label, cell in lab.cells(run).items() if "converged" not in label]
    assert lab.told.done["timing"] == (2 * (3 + 1) * sum(calls),) * 2 and lab.told.done["images"] == (32, 32)
    assert run.made["prior"] == N, "its batches have the others' prior"
    told = status_of(lab.store.root, run.run_id, as_json=False)
    assert any(DDIM_SOLUTION in line and "a converged solution is not timed" in line for line in told.splitlines())


def test_the_same_again_makes_nothing_and_other_steps_make_the_solutions_only(lab: Lab) -> None:
    lab.spec(**TIMED)
    first = lab.run()
    assert lab.run().run_id == first.run_id and noted(lab.store.root, "images") == 10
    features, timing = noted(lab.store.root, "features"), noted(lab.store.root, "timing")
    lab.spec(**{**TIMED, "converged": {"num_inference_steps": 70, "first": 4}})
    more = lab.run()
    assert more.run_id != first.run_id and more.made == {"images": 2 * FIRST, "features": 4}
    assert noted(lab.store.root, "images") == 10 + 2 and noted(lab.store.root, "timing") == timing
    assert noted(lab.store.root, "features") == features + 4, "of pixels; CLIP's look at no solution"
    keys = [lab.cells(run)["DDIM · 5 steps"].features for run in (first, more)]
    assert keys[0]["pixels"] != keys[1]["pixels"] and keys[0]["mini-scorer"] == keys[1]["mini-scorer"]
    assert _score(lab, more, "DDIM · 5 steps").value != _score(lab, first, "DDIM · 5 steps").value


def test_a_cell_of_as_many_steps_shares_the_pictures_and_has_no_distance(lab: Lab) -> None:
    lab.spec(**{**DDIM, "num_inference_steps": [5, 80, 90]})
    run = lab.run()
    cells = lab.cells(run)
    (held,) = (cell for label, cell in cells.items() if "converged" in label)
    same = cells["80 steps"]
    assert held.batches[0].key == same.batches[0].key and held.batches[0].image_sha256 == same.batches[0].image_sha256
    assert noted(lab.store.root, "images") == 3 * 2 and lab.told.done["images"] == (18, 18)
    assert run.made["images"] == 18 and run.reused["images"] == FIRST
    for label, steps in (("80 steps", 80), ("90 steps", 90)):
        score = _score(lab, run, label)
        assert (score.value, score.failed) == (None, False)
        assert score.reason == f"{steps} steps are no fewer than the 80 of its converged solution"
    assert run.status == "finished"


def test_a_stochastic_scheduler_has_none_and_says_why(lab: Lab) -> None:
    lab.spec(**{**HELD, "scheduler": ["DDIM", "DDPM"]})
    run = lab.run()
    assert [label for label in lab.cells(run) if "converged" in label] == [DDIM_SOLUTION]
    lost, cell = _score(lab, run, "DDPM · 5 steps"), lab.cells(run)["DDPM · 5 steps"]
    assert lost.value is None and not lost.failed and (lost.reason or "").startswith("stochastic: every number of")
    assert run.status == "finished" and "pixels" not in cell.features
    assert _score(lab, run, "DDIM · 5 steps").value and _score(lab, run, "DDPM · 5 steps", "clip_score").value


def test_a_solution_that_fails_costs_its_cells_that_score_alone(lab: Lab) -> None:
    lab.spec(**{**DDIM, "converged": {"num_inference_steps": NOT_A_NUMBER, "first": 4}})
    run = lab.run()
    assert run.status == "failed-cells"
    for label in ("5 steps", "20 steps"):
        lost = _score(lab, run, label)
        assert lost.value is None and lost.failed and lost.n_prompts == 0
        assert (lost.reason or "").startswith("its converged solution failed: the pictures hold values that are not")
        assert _score(lab, run, label, "clip_score").value is not None
    (failed,) = (cell for cell in lab.cells(run).values() if cell.status == "failed")
    assert "converged" in failed.label


def test_a_solution_that_failed_is_made_by_the_same_command_and_the_scores_are_there(lab: Lab) -> None:
    """What was seen of the cells' pictures without it must not pass for what is seen with it."""
    lab.spec(**{**DDIM, "converged": {"num_inference_steps": DIES_ONCE, "first": "all"}})
    assert lab.run().status == "failed-cells", "its worker died of the second batch"
    again = lab.run()
    assert again.status == "finished"
    for label in ("5 steps", "20 steps"):
        score = _score(lab, again, label)
        assert score.n == N and score.value and score.reason is None


def test_several_stations_make_what_one_makes_and_no_picture_twice(lab: Lab) -> None:
    lab.spec(**{**HELD, "num_inference_steps": [5, 20, 80], "guidance_scale": [1, 4]})
    one = lab.run()
    made = {stage: noted(lab.store.root, stage) for stage in ("prior", "images", "features")}
    two = lab.run(devices="0,1,2", fresh=True)
    assert lab.pictures(two) == lab.pictures(one)
    assert {stage: noted(lab.store.root, stage) for stage in made} == {stage: 2 * n for stage, n in made.items()}
    for label in lab.cells(one):
        assert [s.value for s in lab.cells(two)[label].scores] == [s.value for s in lab.cells(one)[label].scores]
    assert two.made == one.made and two.reused == one.reused


def test_a_part_of_it_keeps_the_solutions_that_it_needs(lab: Lab) -> None:
    lab.spec(**HELD)
    first = lab.run()
    made = noted(lab.store.root, "images")
    part = lab.run(only={"scheduler": ["DDIM"], "num_inference_steps": ["5"]})
    assert list(lab.cells(part)) == ["DDIM · 5 steps", "DDIM · 20 steps", DDIM_SOLUTION]
    assert noted(lab.store.root, "images") == made and not part.made
    assert _score(lab, part, "DDIM · 5 steps") == _score(lab, first, "DDIM · 5 steps")


def test_gc_keeps_their_pictures_as_long_as_their_run(lab: Lab) -> None:
    lab.spec(**HELD)
    run = lab.run()
    (batch,) = lab.cells(run)[DDIM_SOLUTION].batches
    assert collect(lab.store).files == 0 and lab.store.has("images", batch.key)
    collect(lab.store, keep_runs=[])
    assert not lab.store.has("images", batch.key)


@pytest.mark.parametrize("field", ["batches", "scores"])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(lab: Lab, fakes: str, field: str) -> None:
    spec = lab.spec(**HELD)
    place = ("run", spec, "--store", lab.store.root, "--no-track")
    killed = command(*place, executable=fakes, signal=signal.SIGKILL, field=field)
    assert killed.returncode == -signal.SIGKILL
    again = command(*place, executable=fakes)
    assert again.returncode == ExitCode.DONE, again.stderr
    (run_id,) = lab.store.run_ids()
    continued = whole_record(lab.store, run_id)
    assert lab.store.load_run(run_id).resumed == 1
    last = command(*place, executable=fakes)
    assert "Nothing to do" in last.stderr and last.stderr.splitlines()[-1] == "False", "and torch was not imported"
    lab.run(fresh=True)
    undisturbed = whole_record(lab.store, lab.store.run_ids()[-1])
    assert continued == undisturbed

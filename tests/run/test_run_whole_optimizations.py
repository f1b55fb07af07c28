"""Stacks, really run: the evidence in the records, one instrumented call, and the reference that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from support.fake_worker import DIES_WHEN_WATCHED, FIRST_BYTES, HUNGRY_AT_FIRST, NOT_A_NUMBER
from support.runs import CAPTIONS, Lab, once

from harness.store.gc import collect
from harness.store.records import CellRecord, RunRecord

STEPS = 3
SPEC: dict[str, Any] = {
    "prompts": CAPTIONS[:2], "num_inference_steps": STEPS, "prior_num_inference_steps": 2, "metrics": ["clip_score"],
    "optimizations": ["none", "sdpa", "channels-last", "model-offload"],
    "compare_to": "first-that-fits", "timing": {"repeats": 1, "rounds": 2, "warmups": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One run of the miniature by real workers, for the whole module."""

    def make(folder: Path) -> None:
        lab = Lab(folder, Path("mini-2.2"))
        lab.spec(**SPEC)
        assert lab.run(rounds=1).status == "finished"

    return Lab(once(tmp_path_factory, "optimizations", make), Path("mini-2.2"))


@pytest.fixture(scope="module")
def run(lab: Lab) -> RunRecord:
    return lab.store.load_run(lab.store.run_ids()[0])


def _outcomes(cell: CellRecord) -> list[str]:
    assert cell.timing is not None
    return [one.outcome for one in (*cell.evidence, *cell.timing.evidence)]


@pytest.mark.slow
def test_each_cell_keeps_what_was_found_on_the_pipelines_that_made_and_timed_it(lab: Lab, run: RunRecord) -> None:
    found = {label: _outcomes(cell) for label, cell in lab.cells(run).items()}
    assert found == {
        "none": [], "sdpa": ["no-op"] * 2, "channels-last": ["applied"] * 2,
    }  # fmt: skip
    timed = lab.cells(run)["sdpa"].timing
    assert timed is not None and "7 × scaled_dot_product" in timed.evidence[0].observed
    assert [refusal.reason.split(",")[0] for refusal in run.plan.refused] == ["unavailable here"]


@pytest.mark.slow
def test_what_changes_nothing_leaves_the_pictures_the_same(lab: Lab, run: RunRecord) -> None:
    pictures = lab.pictures(run)
    assert pictures["none"] == pictures["sdpa"]


@pytest.mark.slow
def test_one_call_tells_its_stages_and_keeps_its_latents_as_long_as_the_record(lab: Lab, run: RunRecord) -> None:
    latents = {}
    for label, cell in lab.cells(run).items():
        assert cell.timing is not None and cell.timing.stages is not None
        stages = cell.timing.stages
        assert len(stages.steps_s) == STEPS and stages.prior_s and stages.decode_s > 0
        assert len(cell.timing.first_call_s) == 1
        latents[label] = load(lab.store.get("latents", stages.latents_key))["latents"]
    assert latents["none"].shape == (STEPS, 4, 8, 8) and np.array_equal(latents["none"], latents["sdpa"])
    moved = np.abs(latents["channels-last"] - latents["none"]).max()
    assert 0 < moved < 1e-3
    assert collect(lab.store).files == 0


@pytest.mark.slow
def test_the_same_again_computes_nothing(lab: Lab, run: RunRecord) -> None:
    lab.spec(**SPEC)
    assert lab.run(rounds=1).run_id == run.run_id


def test_the_records_name_the_references_that_the_plan_settled_on(lab_of_fakes: Lab) -> None:
    lab_of_fakes.spec(
        num_inference_steps=[10, NOT_A_NUMBER], optimizations=["none", "sdpa"], compare_to="first-that-fits",
    )  # fmt: skip
    run = lab_of_fakes.run()
    cells = lab_of_fakes.cells(run)
    assert run.status == "failed-cells" and cells["sdpa · 10 steps"].reference == cells["none · 10 steps"].cell_id
    assert [cell.is_reference for cell in cells.values()] == [cell.is_reference for cell in run.plan.cells]


def test_a_worker_that_dies_in_the_instrumented_call_leaves_its_cells_their_timings(lab_of_fakes: Lab) -> None:
    lab_of_fakes.spec(
        num_inference_steps=[10, DIES_WHEN_WATCHED, 20], timing={"repeats": 1, "rounds": 2, "warmups": 1},
    )  # fmt: skip
    run = lab_of_fakes.run()
    first, dead, last = (cell.timing for cell in lab_of_fakes.cells(run).values())
    assert run.status == "finished" and first is not None and dead is not None and last is not None
    assert first.stages is not None and len(first.stages.steps_s) == 10
    assert dead.stages is None and last.stages is None
    assert ["the instrumented call failed" in text for text in dead.disturbances] == [True]


def test_the_peak_of_memory_is_of_steady_calls_and_not_of_what_a_first_call_takes(lab_of_fakes: Lab) -> None:
    lab_of_fakes.spec(num_inference_steps=[HUNGRY_AT_FIRST], timing={"repeats": 2, "rounds": 2, "warmups": 1})
    (cell,) = lab_of_fakes.cells(lab_of_fakes.run()).values()
    assert cell.memory is not None and cell.memory.kind == "resident-over-idle"
    # a fake's greeting tells an idle of one byte: the peak is the process's own, without the block
    assert 0 < cell.memory.peak_bytes < FIRST_BYTES and len(cell.memory.visit_peaks_bytes) == 2
    assert cell.timing is not None and cell.timing.first_call_s == [1.0, 1.0]


@pytest.fixture
def lab_of_fakes(new_lab: Any) -> Lab:
    made: Lab = new_lab("fakes")
    return made

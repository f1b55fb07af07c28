"""A score that cannot be made is one without a value: with its reason, marked as failed, and the run goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.fake_worker import DIES_WHEN_SCORED, SEEN_AS_NOT_A_NUMBER, TORCH, install, noted
from support.runs import Lab

from harness.errors import ExitCode
from harness.run.forecast import plan_spec
from harness.run.listing import status_of
from harness.run.whole import WholeRun, run_whole
from harness.store.records import RunRecord, Score


def _scores(lab: Lab, run: RunRecord) -> dict[str, dict[str, Score]]:
    return {label: {s.metric: s for s in cell.scores} for label, cell in lab.cells(run).items()}


def test_features_without_numbers_cost_their_metric_only(lab: Lab) -> None:
    lab.spec(num_inference_steps=[20, SEEN_AS_NOT_A_NUMBER], compare_to={"num_inference_steps": 40})
    run = lab.run()
    scores = _scores(lab, run)
    lost = scores[f"{SEEN_AS_NOT_A_NUMBER} steps"]
    assert lost["clip_score"].value is None and lost["clip_score"].failed
    assert "finite" in (lost["clip_score"].reason or "")
    assert lost["world_truth"].value == 1.0
    assert all(s.value is not None for label in ("20 steps", "40 steps") for s in scores[label].values())
    assert {cell.status for cell in lab.cells(run).values()} == {"done"} and run.status == "failed-cells"
    assert "clip_score: " in status_of(lab.store.root, run.run_id, as_json=False)
    assert any(line.startswith(f"not scored: {SEEN_AS_NOT_A_NUMBER} steps: clip_score") for line in lab.told.said)


def test_a_scorer_that_crashes_costs_that_cell_its_scores(lab: Lab) -> None:
    lab.spec(num_inference_steps=[20, DIES_WHEN_SCORED, 30])
    run = lab.run()
    scores = _scores(lab, run)
    for lost in scores[f"{DIES_WHEN_SCORED} steps"].values():
        assert lost.value is None and lost.failed and "killed" in (lost.reason or "")
    assert all(s.value is not None for label in ("20 steps", "30 steps") for s in scores[label].values())
    assert run.status == "failed-cells" and all(cell.batches for cell in lab.cells(run).values())


def test_a_scorer_that_cannot_start_costs_scores_and_no_pictures(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its greeting kills it; the workers that make pictures are greeted for something else."""
    lab.spec(num_inference_steps=20)
    lab.run()  # so that the machine is known
    lab.spec(num_inference_steps=30)
    wrapper = install(lab.folder)
    script = wrapper.read_text().splitlines()
    marker = lab.folder / "first"
    wrapper.write_text("\n".join([script[0], f"mkdir {marker} 2>/dev/null || kill -9 $$", *script[1:]]) + "\n")
    monkeypatch.setattr(sys, "executable", str(wrapper))
    run = lab.run()
    (cell,) = lab.cells(run).values()
    assert cell.batches and cell.status == "done" and all(s.failed for s in cell.scores)
    assert "No worker can be started" in (cell.scores[0].reason or "")


def test_a_missing_score_is_exit_5_and_the_same_command_tries_again(lab: Lab) -> None:
    """The person asked for a number that is not there: a script must notice, and repeating must mend it."""
    spec = lab.spec(num_inference_steps=[20, DIES_WHEN_SCORED])

    def whole() -> tuple[str, int]:
        plan = plan_spec(str(spec), only={}, limit=None, device=None, store_path=lab.store.root)
        outcome = run_whole(WholeRun(plan=plan, store_path=lab.store.root, command="harness run", no_track=True))
        return outcome.run_id, outcome.exit_code

    first, code = whole()
    assert code == ExitCode.FAILED_CELLS
    made = noted(lab.store.root, "images")
    second, code = whole()
    assert second != first and code == ExitCode.FAILED_CELLS and noted(lab.store.root, "images") == made


def test_too_few_pictures_are_no_failure(lab: Lab) -> None:
    lab.spec(num_inference_steps=20, metrics=["frechet"])
    run = lab.run()
    ((score,),) = (cell.scores for cell in lab.cells(run).values())
    assert score.value is None and not score.failed and "needs at least" in (score.reason or "")
    assert run.status == "finished"


def test_a_score_names_the_libraries_that_made_its_features(lab: Lab, tiny: Path) -> None:
    lab.spec(num_inference_steps=20)
    (cell,) = lab.cells(lab.run()).values()
    assert [score.made_by["torch"] for score in cell.scores] == [TORCH, TORCH]

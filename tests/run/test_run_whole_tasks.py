"""Every task of every version on the shipped miniature, through real workers: made, scored, kept, not made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.runs import Lab

from harness.catalog.tasks import TASKS
from harness.miniature.cases import every_task
from harness.store.records import CellRecord, RunRecord

pytestmark = pytest.mark.slow
MODELS = ["mini-2.1", "mini-2.2", "mini-3"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab whose spec asks for all tasks in both forms, one picture each, in few steps."""
    made = Lab(tmp_path_factory.mktemp("tasks"), Path())
    rows = [json.loads(json.dumps(row)) for row in every_task(1)]
    made.spec(
        model=MODELS, task=list(TASKS), api=["two-stage", "combined"], inputs=rows, prompts=None, metrics=None,
        num_inference_steps=4, prior_num_inference_steps=3, strength=0.5, guidance_scale=2, batch_size=1,
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def run(lab: Lab) -> RunRecord:
    """That spec's run."""
    return lab.run()


def _cells(lab: Lab, run: RunRecord) -> dict[tuple[str, str, str], CellRecord]:
    cells = lab.store.load_cells(run.run_id)
    return {(c.settings.model, c.settings.task, c.settings.api): c for c in cells}


def test_every_cell_is_made_and_measured_by_its_tasks_metrics(lab: Lab, run: RunRecord) -> None:
    assert run.status == "finished", [cell.failure for cell in lab.store.load_cells(run.run_id)]
    cells = _cells(lab, run)
    assert len(cells) == 18
    for (_, task, _), cell in cells.items():
        assert set(TASKS[task].metrics) <= {score.metric for score in cell.scores}  # type: ignore[index]  # a task's name
        assert all(score.value is not None or score.reason for score in cell.scores)


def test_two_stages_and_the_combined_pipeline_make_the_same_pixels(lab: Lab, run: RunRecord) -> None:
    """Without a negative prompt nothing differs: the generator goes through the prior and on in both."""
    cells = _cells(lab, run)
    for model in ("mini-2.1", "mini-2.2"):
        for task in ("text-to-image", "image-to-image", "inpainting"):
            one, other = (cells[model, task, api].batches[0].image_sha256 for api in ("two-stage", "combined"))
            assert one == other, (model, task)


def test_records_name_what_pictures_were_made_from(lab: Lab, run: RunRecord) -> None:
    cells, store = _cells(lab, run), lab.store
    edited = cells["mini-2.2", "controlnet-depth-image-to-image", "two-stage"]
    assert len(edited.inputs) == 1 and len(edited.hints) == 1
    assert all(store.has("inputs", key) for key in edited.inputs.values())
    assert all(store.has("hints", key) for key in edited.hints.values())
    assert cells["mini-2.2", "controlnet-depth-text-to-image", "two-stage"].hints == edited.hints  # estimated once
    assert len(cells["mini-2.1", "inpainting", "combined"].inputs) == 2
    assert not cells["mini-2.2", "text-to-image", "two-stage"].inputs
    (row,) = store.image_rows(run.run_id, cells["mini-2.1", "interpolation", "two-stage"].cell_id) or []
    assert json.loads(row["weights"]) == [0.5, 0.5] and 0 <= row["mix_position"] <= 1


def test_tasks_that_ask_the_same_of_a_prior_share_it(lab: Lab, run: RunRecord) -> None:
    cells = _cells(lab, run)
    keys = {task: cells["mini-2.2", task, "two-stage"].batches[0].prior_key for task in TASKS}
    alike = {"text-to-image", "image-to-image", "inpainting", "controlnet-depth-text-to-image"}
    assert len({keys[task] for task in alike}) == 1  # type: ignore[index]  # names of tasks
    assert len(set(keys.values())) == 3
    assert not cells["mini-2.2", "text-to-image", "combined"].batches[0].prior_key
    assert not cells["mini-3", "text-to-image", "combined"].batches[0].prior_key


def test_another_mask_makes_the_inpainting_again_and_nothing_else(lab: Lab, run: RunRecord) -> None:
    spec = json.loads((lab.folder / "spec.yaml").read_text())
    spec["inputs"][0]["mask"] = {"box": [0, 0, 64, 32]}
    lab.spec(**{"prompts": None, **spec})
    again = lab.run(only={"model": ["mini-2.2"]})
    made = {(c.settings.task, c.settings.api) for c in lab.store.load_cells(again.run_id) if not c.batches[0].reused}
    assert made == {("inpainting", "two-stage"), ("inpainting", "combined")}

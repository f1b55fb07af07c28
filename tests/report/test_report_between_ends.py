"""Interpolation's weights in a table: positions as scored, steps from the stored features."""

import json

import numpy as np
import pytest
from support.task_runs import TaskRun

from harness.report.between_ends import walks
from harness.report.view import load_view
from harness.report.write import write_report
from harness.store.store import open_store


@pytest.fixture
def run(tmp_path) -> TaskRun:
    return TaskRun(open_store(tmp_path / "runs"))


def walk_over(run: TaskRun, *weights: float, **knobs) -> None:
    """Cells whose pictures' features turn from one axis to the other as the weight does."""
    for weight in weights:
        run.cell("interpolation", angle=weight * np.pi / 2, weights=(1 - weight, weight), **knobs)


def test_positions_and_steps_of_a_known_arc(run) -> None:
    walk_over(run, 1.0, 0.0, 0.25)  # the plan's order is not the order of the weights
    (walk,) = walks(load_view(*run.finish()))
    first, second = 1 - np.cos(np.pi / 8), 1 - np.cos(3 * np.pi / 8)
    assert [line.weight for line in walk.lines] == ["0", "0.25", "1"]
    assert [line.score.value for line in walk.lines] == [0.0, 0.25, 1.0]
    assert [line.position for line in walk.lines] == ["0.000", "0.250", "1.000"]
    assert walk.lines[1].between == "0.240 to 0.260, 3 images"
    assert [line.step for line in walk.lines[:2]] == pytest.approx([first, second], abs=1e-6)
    assert walk.lines[2].step is None
    assert walk.mean_step == pytest.approx((first + second) / 2, abs=1e-6)
    assert walk.unevenness == pytest.approx(2 * second / (first + second), abs=1e-5)
    assert walk.sentence == (
        "Mean step between neighbouring weights 0.3467 (cosine distance), the largest 1.78× the mean."
    )


def test_even_steps_are_even(run) -> None:
    walk_over(run, 0.0, 0.5, 1.0)
    (walk,) = walks(load_view(*run.finish()))
    assert walk.unevenness == pytest.approx(1.0, abs=1e-6)


def test_cells_that_differ_in_more_than_weights_are_walks_of_their_own(run) -> None:
    walk_over(run, 0.0, 1.0, num_inference_steps=10)
    walk_over(run, 0.0, 0.5, 1.0, num_inference_steps=20)
    walk_over(run, 0.5, num_inference_steps=30)
    found = walks(load_view(*run.finish()))
    assert [(walk.title, len(walk.lines)) for walk in found] == [("interpolation · 10", 2), ("interpolation · 20", 3)]


def test_without_a_sweep_of_weights_there_is_no_section(run, tmp_path) -> None:
    run.cell("interpolation")
    run.cell("inpainting")
    store, run_id = run.finish()
    files = write_report(store, run_id, tmp_path / "report")
    assert walks(load_view(store, run_id)) == ()
    assert "Between the ends" not in files.markdown.read_text() + files.html.read_text()


def test_features_that_are_gone_leave_the_positions(run) -> None:
    walk_over(run, 0.0, 0.5, 1.0)
    view = load_view(*run.finish())
    view.store.path("features", view.cells[1].features["mini-scorer"]).unlink()
    (walk,) = walks(view)
    assert [line.position for line in walk.lines] == ["0.000", "0.500", "1.000"]
    assert [line.step_text for line in walk.lines] == ["—", "—", "—"]
    assert walk.sentence == "The steps are not known: the features are not, or no longer, stored."


def test_the_section_is_in_every_file(run, tmp_path) -> None:
    walk_over(run, 0.0, 0.25, 1.0)
    files = write_report(*run.finish(), tmp_path / "report")
    markdown, page = files.markdown.read_text(), files.html.read_text()
    assert "## Between the ends" in markdown and '<h2 id="between">Between the ends</h2>' in page
    assert "| 0.25 | 0.250 (0.240 to 0.260, 3 images) | 0.6173 |" in markdown
    assert "the largest 1.78× the mean." in markdown and "the largest 1.78× the mean." in page
    (found,) = json.loads(files.json.read_text())["between_the_ends"]
    assert found["weights"][1] == {"weight": "0.25", "position": 0.25, "step": 0.617317}

"""A run read as lines of points over grounds, and the runs that are no such sweep."""

import pytest
from support.sweeps import usual

from harness.errors import ExitCode, UsageError
from harness.report.answer import answer
from harness.report.schedulers.advice import advise
from harness.report.schedulers.beside import pictures_beside
from harness.report.schedulers.strips import strips
from harness.report.schedulers.sweep import read_sweep
from harness.report.table import build_table
from harness.report.view import load_view


def test_lines_go_by_steps_and_grounds_by_what_else_is_swept(grid) -> None:
    builder = grid()
    for model in ("mini-2.2", "mini-3"):
        for guidance in (2, 4):
            builder.point("DPMSolverMultistep", 16, 0.1, guidance=guidance, model=model)
            builder.point("DPMSolverMultistep", 8, 0.1, guidance=guidance, model=model)
            builder.reference(guidance=guidance, model=model)
    sweep = read_sweep(builder.view())
    assert [sweep.name_of(ground) for ground in sweep.grounds] == [
        "mini-2.2 · guidance 2", "mini-2.2 · guidance 4", "mini-3 · guidance 2", "mini-3 · guidance 4",
    ]  # fmt: skip
    line = sweep.grounds[0].lines[0]
    assert (line.scheduler, [point.steps for point in line.points]) == ("DPMSolverMultistep", [8, 16])
    assert list(sweep.models) == ["mini-2.2", "mini-3"] and sweep.metrics == ("clip_score",)


def test_a_point_holds_only_if_every_metric_does(grid) -> None:
    builder = grid()
    kept, lost, open_ = (builder.point("DDIM", steps, -0.1) for steps in (8, 10, 12))
    for cell_id, verdict in ((kept, "improved"), (lost, "regressed"), (open_, "inconclusive")):
        builder.judged_besides(cell_id, "world_truth", verdict)
    builder.point("DDIM", 14, None, status="failed")
    builder.reference()
    standing = {point.steps: point.standing for point in read_sweep(builder.view()).grounds[0].points}
    assert standing == {8: "holds", 10: "regressed", 12: "open", 14: "failed", 50: "reference"}


def test_latency_is_no_quality(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, latency=0.2, latency_verdict="regressed")
    builder.reference(latency=1.0)
    assert read_sweep(builder.view()).grounds[0].points[0].standing == "holds"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compare_to": None}, "has no compare_to"),
        ({"compare_to": {"scheduler": "DDIM"}}, "no reference with a number of steps"),
        ({"margins": {"latency": "3%"}}, "judges no quality"),
        ({"margins": {"converged_distance": 1.0}, "metrics": ("converged_distance",)}, "judges no quality"),
    ],
)
def test_a_run_without_what_is_needed_is_refused(grid, change, said) -> None:
    builder = usual(grid())
    builder.plan_changes |= change
    with pytest.raises(UsageError, match=said) as caught:
        read_sweep(builder.view())
    assert caught.value.exit_code == ExitCode.USAGE and caught.value.expected and "harness report" in caught.value.do


@pytest.mark.parametrize("knob", ["scheduler", "num_inference_steps"])
def test_a_run_that_does_not_sweep_both_is_refused(build, knob) -> None:
    builder = build()
    builder.plan_changes["compare_to"] = {"num_inference_steps": 50}
    builder.cell("DDIM", 50, 84.0, swept={"scheduler": "DDIM", "num_inference_steps": 50})
    del builder.cells[-1].swept[knob]
    builder.records[-1].swept.pop(knob, None)
    view = load_view(*builder.finish())
    with pytest.raises(UsageError, match=f"does not sweep {knob}:"):
        read_sweep(view)


def test_converged_solutions_are_in_no_table_answer_or_count(grid) -> None:
    builder = usual(grid())
    plain = builder.view()
    other = usual(grid())
    other.point("DDIM", 250, None, is_solution=True)
    view = other.view()
    assert [cell.cell_id for cell in view.solutions] == ["mini-2.2-DDIM-250-g4"]
    assert answer(view) == answer(plain) and build_table(view) == build_table(plain)
    assert 250 not in read_sweep(view).grounds[0].steps and view.unfinished is None
    assert len(view.rows_of(view.solutions[0])) == 4


def test_a_failed_converged_solution_is_named(grid) -> None:
    builder = usual(grid())
    builder.point("DDIM", 250, None, is_solution=True, status="failed")
    details = answer(builder.view(status="failed-cells")).details
    assert any(line.startswith("1 converged solution failed: DDIM · 250 steps") for line in details)
    assert not any("1 cell failed" in line for line in details)


def test_without_a_scheduler_in_compare_to_each_has_its_own_reference(grid) -> None:
    builder = grid()
    builder.plan_changes["compare_to"] = {"num_inference_steps": 50}
    builder.point("DDPM", 8, -0.1)
    builder.point("DDPM", 50, None)
    own = builder.records[-1].cell_id
    builder.cells[0] = builder.cells[0].model_copy(update={"reference": own})
    builder.records[0] = builder.records[0].model_copy(update={"reference": own})
    builder.point("DDIM", 8, -0.2)
    builder.reference()
    ground = read_sweep(builder.view()).grounds[0]
    assert [p.reference.label for p in ground.points] == [
        f"{name} · 50 steps" for name in ("DDPM",) * 2 + ("DDIM",) * 2
    ]
    assert [round(p.differences["clip_score"].value, 3) for p in ground.compared] == [-0.1, -0.2]
    assert len(ground.references) == 2


def test_a_reference_of_another_guidance_is_found(grid) -> None:
    builder = grid()
    builder.plan_changes["compare_to"] = {"scheduler": "DDIM", "num_inference_steps": 50, "guidance_scale": 4}
    builder.point("DDPM", 8, -0.1, guidance=2)
    far = "mini-2.2-DDIM-50-g4"
    builder.cells[0] = builder.cells[0].model_copy(update={"reference": far})
    builder.records[0] = builder.records[0].model_copy(update={"reference": far})
    builder.reference(guidance=4)
    sweep = read_sweep(builder.view())
    advice = advise(sweep)[0].grounds[0]
    assert advice.reference.cell.cell_id == far and "8 model calls instead of 50" in advice.sentence
    assert pictures_beside(sweep, advise(sweep)[0], strips(sweep)).points[0].cell.cell_id == far

"""The fewest steps of each scheduler, and everything that makes the number less than certain."""

import pytest
from support.sweeps import usual

from harness.report.schedulers.needs import needs
from harness.report.schedulers.sweep import read_sweep


def found(builder, **kwargs):
    return {need.scheduler: need for need in needs(read_sweep(builder.view(**kwargs)))}


def test_each_scheduler_has_its_fewest_steps(grid) -> None:
    each = found(usual(grid()))
    assert [(name, need.headline) for name, need in each.items()] == [
        ("DDIM", "16 steps"), ("DPMSolverMultistep", "8 steps"), ("DDPM", "none of those tried"),
    ]  # fmt: skip
    assert each["DDIM"].remarks == (
        "fewer are still open: 8 steps (about 90 prompts would settle it)", "regressed: 4 steps",
    )  # fmt: skip
    assert each["DDPM"].remarks == ("regressed: 4, 8 and 16 steps",) and each["DDPM"].fewest is None
    assert each["DDIM"].trail == "4\u00a0▼ · 8\u00a0? · 16\u00a0≈"


def test_where_nothing_is_settled_it_is_not_shown(grid) -> None:
    builder = grid()
    builder.point("DDIM", 4, -9.0, "regressed")
    builder.point("DDIM", 8, -0.3, "inconclusive", n_to_settle=90)
    builder.point("DDIM", 16, -0.1, "inconclusive", n_to_settle=40)
    builder.reference()
    need = found(builder)["DDIM"]
    assert need.headline == "not shown"
    assert need.remarks[0] == "inconclusive: 8 and 16 steps (about 90 at 8 and 40 at 16 prompts would settle it)"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("regressed", "not monotone: 16 steps regressed although more than the fewest"),
        ("inconclusive", "16 steps not shown to hold (about 70 prompts would settle it)"),
    ],
)
def test_more_steps_that_do_not_hold_are_flagged(grid, verdict, said) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1)
    builder.point("DDIM", 16, -1.0, verdict, n_to_settle=70 if verdict == "inconclusive" else None)
    builder.point("DDIM", 25, -0.1)
    builder.reference()
    need = found(builder)["DDIM"]
    assert need.headline == "8 steps" and need.remarks == (said,)


def test_what_has_no_verdict_is_named(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1)
    builder.point("DDPM", 8, -0.1, status="failed")
    builder.point("DDPM", 16, -0.1, status="pending")
    builder.reference()
    each = found(builder, status="interrupted")
    assert each["DDPM"].headline == "not judged"
    assert each["DDPM"].remarks == ("failed: 8 steps; pending: 16 steps",)
    assert each["DDPM"].trail == "8\u00a0✗ · 16\u00a0…"


def test_a_scheduler_that_is_only_the_reference_has_no_line(grid) -> None:
    builder = grid()
    builder.point("DDPM", 8, -0.1)
    builder.reference()
    assert list(found(builder)) == ["DDPM"]


def test_a_count_whose_number_is_not_known_is_named(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.3, "inconclusive", n_to_settle=100)
    builder.point("DDIM", 12, -0.3, "inconclusive")
    builder.point("DDIM", 16, -0.3, "inconclusive")
    builder.reference()
    assert found(builder)["DDIM"].remarks == (
        "inconclusive: 8, 12 and 16 steps (about 100 at 8 prompts would settle it; at 12 and 16 no number is known)",
    )

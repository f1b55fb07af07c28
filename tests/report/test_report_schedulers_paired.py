"""The interval of the paired difference: the judge's own numbers at another level."""

import numpy as np
import pytest

from harness.report.schedulers import paired
from harness.report.schedulers.paired import difference
from harness.run.judge import compare_cells


def both(builder):
    view = builder.view()
    return view, view.cells[0], view.cell(view.cells[0].reference)


def test_the_mean_is_the_given_difference(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.4)
    builder.reference()
    found = difference(*both(builder), "clip_score")
    assert found.value == pytest.approx(-0.4) and found.n == 32 and found.reason is None
    assert found.low < -0.4 < found.high


def test_at_90_per_cent_it_is_the_interval_of_the_verdict(grid, monkeypatch) -> None:
    builder = grid()
    cell_id = builder.point("DDIM", 8, -0.4)
    rng = np.random.default_rng(3)
    builder.values[cell_id] = list(84.0 + rng.exponential(1.5, len(builder.rows)))
    builder.reference()
    view, cell, reference = both(builder)
    rows = {c.cell_id: list(view.image_values(c.cell_id).values()) for c in view.cells}
    judged = compare_cells(view.plan, {c.cell_id: c for c in view.cells}, rows)[cell_id][0]
    wide = difference(view, cell, reference, "clip_score")
    monkeypatch.setattr(paired, "LEVEL", 0.9)
    same = difference(view, cell, reference, "clip_score")
    assert (same.value, same.low, same.high) == pytest.approx(
        (judged.difference, judged.interval.low, judged.interval.high)
    )
    assert wide.low < same.low < same.high < wide.high


def test_seeds_of_a_prompt_are_one_value(grid) -> None:
    builder = grid(prompts=8, seeds=(0, 1))
    builder.point("DDIM", 8, -0.4)  # the spread cancels within each prompt
    builder.reference()
    found = difference(*both(builder), "clip_score")
    assert found.n == 8 and (found.low, found.high) == pytest.approx((-0.4, -0.4))


def test_few_prompts_have_a_mean_and_no_interval(grid) -> None:
    builder = grid(prompts=4)
    builder.point("DDIM", 8, -0.4)
    builder.reference()
    found = difference(*both(builder), "clip_score")
    assert found.value == pytest.approx(-0.4) and found.low is None and found.high is None
    assert found.reason == "4 prompts: no interval below 6"


def test_without_common_numbers_there_is_a_reason(grid) -> None:
    builder = grid()
    cell_id = builder.point("DDIM", 8, -0.4)
    builder.reference()
    builder.values[cell_id] = [None] * len(builder.rows)
    found = difference(*both(builder), "clip_score")
    assert (found.value, found.low, found.n) == (None, None, 0) and "no prompt" in found.reason

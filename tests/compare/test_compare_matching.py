"""Cells and rows are matched by what they mean: names, places of weights and batches do not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.compare.types import Compared, Finding

Compares = Callable[..., Compared]
Only = Callable[..., Finding]


def test_other_ids_are_the_same_cells_and_rows(compared: Compares, only: Only) -> None:
    told = compared(renamed=True, shift={0: -1.0})
    assert len(told.cells) == 2 and not told.only_baseline and told.cells[0].run_id == f"x-{told.cells[0].baseline_id}"
    assert only(told, "clip_score").verdict == "regressed" and only(told, "clip_score").n == 16
    assert told.cells[1].pictures is not None and told.cells[1].pictures.identical == 16


def test_a_model_of_another_name_is_the_same_if_no_other_can_be(compared: Compares) -> None:
    told = compared(settings={"model": "/elsewhere/mini"})
    assert len(told.cells) == 2 and "/elsewhere/mini" in told.cells[0].notes[0]


def test_another_batch_is_the_same_cell_and_is_told(compared: Compares) -> None:
    told = compared(settings={"batch_size": 8})
    assert len(told.cells) == 2 and "batches of 4 and 8" in told.cells[0].notes[0]


@pytest.mark.parametrize("change", [{"guidance_scale": 4.5}, {"num_inference_steps": 11}, {"dtype": "float16"}])
def test_another_setting_is_another_cell(compared: Compares, change: dict[str, Any]) -> None:
    assert not compared(settings=change).cells


def test_rows_of_one_side_are_counted_and_left_out(compared: Compares, only: Only) -> None:
    told = compared(rows=12)
    assert (told.cells[0].rows_only_baseline, told.cells[0].rows_only_run) == (4, 0)
    assert only(told, "clip_score").n == 12
    assert told.cells[0].pictures is not None and told.cells[0].pictures.rows == 12


def test_another_seed_is_another_row(compared: Compares, only: Only) -> None:
    told = compared(old={"seeds": 1, "rows": 8}, seeds=2, rows=16)
    assert (told.cells[0].rows_only_baseline, told.cells[0].rows_only_run) == (0, 8)

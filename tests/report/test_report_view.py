"""A run is read once; unfinished ones, lost pictures and unclear names are met with words."""

from dataclasses import replace

import pytest

from harness.errors import MissingError
from harness.report.view import find_cell, load_view


def test_cells_come_in_the_plans_order_with_pending_ones(build) -> None:
    builder = build()
    builder.cell("UniPC", 10, 84.0, versus="DDIM-100-g4")
    builder.cell("DDIM", 20, status="pending", versus="DDIM-100-g4")
    builder.cell("DDIM", 100, 84.5)
    view = load_view(*builder.finish(status="interrupted"))
    assert [(cell.cell_id, cell.status) for cell in view.cells] == [
        ("UniPC-10-g4", "done"), ("DDIM-20-g4", "pending"), ("DDIM-100-g4", "done"),
    ]  # fmt: skip
    assert view.unfinished == "This run is unfinished: 2 of 3 cells are done so far."


def test_a_run_that_was_stopped_after_its_pictures_says_what_is_left(build) -> None:
    builder = build()
    builder.cell("UniPC", 10, 84.0, versus="DDIM-100-g4")
    builder.cell("DDIM", 100, 84.5)
    view = load_view(*builder.finish(status="interrupted"))
    assert view.unfinished == "This run is unfinished: all its pictures are made, what comes after the pictures is not."
    timing = view.run.model_copy(update={"timed_calls": 19, "calls_to_time": 42})
    told = "This run is unfinished: all its pictures are made, its timing pass is at 19 of 42 model calls"
    assert replace(view, run=timing).unfinished == f"{told}."
    bare = tuple(cell.model_copy(update={"comparisons": []}) for cell in view.records)
    assert replace(view, run=timing, records=bare).unfinished == (
        f"{told}, and cells are compared with their reference at its end."
    )


def test_a_finished_run_says_nothing_of_it(sweep) -> None:
    assert load_view(*sweep.finish(status="failed-cells")).unfinished is None


def test_pictures_are_read_from_the_store_and_may_be_gone(sweep) -> None:
    view = load_view(*sweep.finish())
    cell, row = view.cells[0], view.plan.rows[3]
    assert view.picture(cell, row).startswith(b"\x89PNG")
    assert view.picture(view.failed[0], row) is None
    again = load_view(view.store, view.run.run_id)
    again.store.path("images", cell.batches[0].key).unlink()
    assert again.picture(cell, row) is None


def test_damaged_pictures_are_missing_pictures(sweep) -> None:
    view = load_view(*sweep.finish())
    cell = view.cells[0]
    view.store.path("images", cell.batches[0].key).write_bytes(b"damaged")
    assert view.picture(cell, view.plan.rows[0]) is None


def test_what_is_no_archive_holds_no_picture(sweep) -> None:
    """An imported run's: its bytes are those that were kept, and nobody has said that they are pictures."""
    view = load_view(*sweep.finish())
    cell = view.cells[0]
    view.store.path("images", cell.batches[0].key).unlink()
    view.store.put("images", cell.batches[0].key, b"PK no archive")
    assert view.picture(cell, view.plan.rows[0]) is None


def test_compared_metrics_come_first(sweep) -> None:
    sweep.plan_changes["metrics"] = ("frechet", "clip_score")
    assert load_view(*sweep.finish()).quality_metrics == ("clip_score", "frechet")


def test_a_cell_is_found_by_what_is_unmistakable(sweep) -> None:
    view = load_view(*sweep.finish())
    assert find_cell(view, "UniPC-5-g4").cell_id == "UniPC-5-g4"
    assert find_cell(view, "DDIM · 100 steps").cell_id == "DDIM-100-g4"
    assert find_cell(view, "ddpm").cell_id == "DDPM-10-g4"


@pytest.mark.parametrize(("text", "words"), [("UniPC", "Several cells match"), ("Euler", "No cell matches")])
def test_an_unclear_name_lists_the_cells(sweep, text: str, words: str) -> None:
    with pytest.raises(MissingError, match=words) as caught:
        find_cell(load_view(*sweep.finish()), text)
    assert "UniPC-10-g4  (UniPC · 10 steps)" in caught.value.expected


def test_model_calls_follow_the_scheduler(sweep) -> None:
    view = load_view(*sweep.finish())
    assert [view.model_calls(cell) for cell in view.cells] == [10, 20, 10, 5, 10, 100]

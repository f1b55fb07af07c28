"""What pictures start from stands above them, for the same rows; what is no longer stored is a blank."""

import io

import numpy as np
import pytest
from PIL import Image
from support.task_runs import TaskRun, every_task, png

from harness.report.inputs import MASK, InputLine, Thing, heading, input_lines
from harness.report.pictures import choose, draw
from harness.report.strip import write_strip
from harness.report.view import load_view
from harness.report.write import write_report
from harness.spec.types import MixItem
from harness.store.store import open_store

LINES = {
    "text-to-image": [],
    "image-to-image": ["image"],
    "inpainting": ["image", MASK],
    "interpolation": ["thing 1 of the mix", "thing 2 of the mix"],
    "controlnet-depth-text-to-image": ["image", "hint"],
    "controlnet-depth-image-to-image": ["image", "hint"],
}
BLANK = (233, 237, 241)


@pytest.fixture
def run(tmp_path) -> TaskRun:
    return TaskRun(open_store(tmp_path / "runs"))


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def blanks(image: Image.Image) -> int:
    """Pixels of blank tiles."""
    return int((np.asarray(image) == BLANK).all(axis=2).sum())


def test_every_task_has_a_strip_with_what_it_starts_from(tmp_path) -> None:
    grid = choose(load_view(*every_task(open_store(tmp_path / "runs")).finish()), 2)
    assert {strip.title: [line.label for line in strip.inputs] for strip in grid.strips} == LINES
    assert [len(strip.cells) for strip in grid.strips] == [1, 2, 1, 3, 1, 1]
    assert {line.things[1].key for strip in grid.strips for line in strip.inputs if line.label == "image"} == {
        grid.strips[0].rows[1].image
    }


def test_a_map_that_was_read_needs_no_picture_to_estimate_it_from(tmp_path) -> None:
    run = TaskRun(open_store(tmp_path / "runs"), hint="read")
    cell = run.cell("controlnet-depth-text-to-image")
    assert input_lines([cell], run.rows) == (InputLine("hint", tuple(Thing(row.hint) for row in run.rows)),)


def test_models_that_estimate_depth_differently_have_a_line_each(run) -> None:
    one = run.cell("controlnet-depth-text-to-image")
    other = one.model_copy(update={
        "hints": dict.fromkeys(one.hints, "other"),
        "settings": one.settings.model_copy(update={"model": "kandinsky-2.2"}),
    })  # fmt: skip
    labels = [line.label for line in input_lines([one, one, other], run.rows)]
    assert labels == ["image", "hint, mini-2.2", "hint, kandinsky-2.2"]


def test_mixes_of_different_lengths_leave_a_gap(run) -> None:
    cell, row = run.cell("interpolation"), run.rows[0]
    longer = row.model_copy(update={"mix": (*row.mix, MixItem(text="a green cross"))})
    third = input_lines([cell], [row, longer])[2]
    assert third == InputLine("thing 3 of the mix", (Thing(), Thing(text="a green cross")))


def test_the_mask_lies_on_its_picture(run) -> None:
    black, white = np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)
    half = np.concatenate([black[:, :32], white[:, :32]], axis=1)
    run.store.put("inputs", "a" * 64, png(half))
    run.store.put("inputs", "b" * 64, png(np.full((64, 64, 3), (10, 200, 30), np.uint8)))
    run.cell("inpainting")
    view = load_view(*run.finish())
    shown = pixels(Thing("a" * 64, under="b" * 64).png(view) or b"")
    assert (shown[:, :32] == (10, 200, 30)).all()
    assert set(shown[:, 32:].reshape(-1).tolist()) == {196, 255}
    assert (pixels(Thing("a" * 64, under="c" * 64).png(view) or b"")[:, :32] == 0).all()


BOMB = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2


@pytest.mark.parametrize("bad", [BOMB, b"no PNG", png(np.full((64, 64), 255, np.uint8))[:-30]],
                         ids=["too large", "no PNG", "cut short"])  # fmt: skip
@pytest.mark.parametrize("place", ["itself", "under"])
def test_what_cannot_be_opened_is_not_shown_and_too_much_is_not_decoded(
    run, monkeypatch: pytest.MonkeyPatch, bad: bytes, place: str
) -> None:
    good, black = png(np.full((64, 64, 3), 200, np.uint8)), png(np.zeros((64, 64), np.uint8))
    run.store.put("inputs", "a" * 64, bad if place == "itself" else black)
    run.store.put("inputs", "b" * 64, bad if place == "under" else good)
    run.cell("inpainting")
    view = load_view(*run.finish())
    opened, real = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file, **how: opened.append(file.getvalue()) or real(file, **how))
    assert Thing("a" * 64, under="b" * 64).png(view) == (None if place == "itself" else black)
    assert BOMB not in opened


def test_what_is_no_longer_stored_is_blank_and_what_never_was_is_white(run) -> None:
    run.cell("image-to-image")
    view = load_view(*run.finish())
    grid = choose(view, 2)
    assert blanks(draw(view, grid, tile=64)) == 0
    for row in grid.strips[0].rows:
        view.store.path("inputs", row.image).unlink()
    assert 2 * 3500 < blanks(draw(view, grid, tile=64)) <= 2 * 64 * 64


def test_a_text_of_a_mix_is_written_and_its_picture_drawn(run) -> None:
    run.cell("interpolation")
    view = load_view(*run.finish())
    image = np.asarray(draw(view, choose(view, 1), tile=64)).astype(int)
    left = image.shape[1] - 64 - 6 - 6
    words, picture = image[62:126, left : left + 64], image[132:196, left : left + 64]
    assert (words[0, 0] == BLANK).all() and (words < 100).all(axis=2).sum() > 20
    expected = pixels(view.stored("inputs", view.plan.rows[0].image) or b"")
    assert np.abs(picture - expected.astype(int)).max() < 6


def test_rows_of_their_own_give_a_strip_its_own_columns(run) -> None:
    common, mixes = run.rows[:2], run.rows[2:]
    run.rows = [row.model_copy(update={"task": "inpainting"}) for row in common]
    run.rows += [
        row.model_copy(update={"task": "interpolation", "prompt": "", "weights": (0.25, 0.75)}) for row in mixes
    ]
    run.cell("inpainting")
    run.cell("interpolation")
    view = load_view(*run.finish())
    grid = choose(view, 8)
    assert [[row.id for row in strip.rows] for strip in grid.strips] == [["p0-s0", "p1-s0"], ["p2-s0"]]
    assert grid.strips[1].headings == ("0.25 : 0.75",)
    assert grid.rule == (
        "inpainting: the first 2 prompts of 2, seed 0; interpolation: the first 1 prompt of 1, seed 0; "
        "nothing was picked by its looks."
    )
    assert view.pictures_a_cell == "1 to 2"
    assert draw(view, grid, tile=64).height == 2 * (34 + 62) + 3 * 70 + 3 * 70


def test_one_prompt_with_several_pictures_has_a_column_for_each(run) -> None:
    run.rows = [row.model_copy(update={"prompt_id": "p", "prompt": "a star"}) for row in run.rows]
    run.cell("image-to-image")
    run.cell("text-to-image")
    view = load_view(*run.finish())
    strips = choose(view, 8).strips
    assert [(len(strip.rows), strip.rule) for strip in strips] == [
        (3, "the first 3 inputs of 3, seed 0"),
        (1, "the first 1 prompt of 1, seed 0"),
    ]


def test_a_seed_more_is_no_column_more(tmp_path) -> None:
    run = TaskRun(open_store(tmp_path / "runs"), seeds=(4, 9))
    run.cell("inpainting")
    (strip,) = choose(load_view(*run.finish()), 8).strips
    assert ([row.id for row in strip.rows], strip.rule) == (
        ["p0-s4", "p1-s4", "p2-s4"], "the first 3 prompts of 3, seed 4",
    )  # fmt: skip


def test_few_lines_are_shared_out_and_no_task_goes_without(run) -> None:
    run.cell("inpainting")
    for steps in (10, 20, 30, 40):
        run.cell("image-to-image", num_inference_steps=steps)
    view = load_view(*run.finish())
    for limit, shares in ((1, [1, 1]), (3, [1, 2]), (4, [1, 3]), (9, [1, 4])):
        assert [len(strip.cells) for strip in choose(view, 2, limit).strips] == shares
    assert "3 of 5 cells, evenly spaced in the plan's order" in choose(view, 2, 3).rule
    assert "of 5 cells" not in choose(view, 2, 9).rule


def test_weights_stand_over_a_row_unless_the_cell_sets_them(run) -> None:
    row = run.rows[0].model_copy(update={"weights": (0.3, 0.7)})
    own, swept = run.cell("interpolation"), run.cell("interpolation", weights=(0.5, 0.5))
    assert heading(own, row) == "a small red star, number 0 · 0.3 : 0.7"
    assert heading(swept, row) == "a small red star, number 0"
    assert heading(run.cell("inpainting"), row) == "a small red star, number 0"


@pytest.mark.parametrize(("task", "above"), [("text-to-image", 0), ("inpainting", 64)])
def test_a_cells_own_strip_shows_the_inputs_small(run, tmp_path, task, above) -> None:
    cell = run.cell(task)
    view = load_view(*run.finish())
    with Image.open(write_strip(view, cell, tmp_path / "strip.png")) as image:
        shown = np.asarray(image).astype(int)
        assert image.size == (3 * 138 + 10, 44 + 184 + above)
    if above:
        corner = pixels(view.stored("inputs", view.plan.rows[0].image) or b"")[2, 2]
        assert np.abs(shown[44 + 3, 10 + 3] - corner).max() < 12


def test_a_text_of_a_mix_is_no_markup(run, tmp_path) -> None:
    hostile = (MixItem(text="<script>alert(1)</script>"), MixItem(text="a star"))
    run.rows = [row.model_copy(update={"mix": hostile}) for row in run.rows]
    run.cell("interpolation")
    page = write_report(*run.finish(), tmp_path / "report").html.read_text()
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page

"""Which pictures are shown follows a printed rule; how they are drawn needs no fonts of the machine."""

import io

import numpy as np
from PIL import Image

from harness.report.answer import answer
from harness.report.drawing import Drawing, balanced, text_width, wrap
from harness.report.pictures import choose, data_uri, draw
from harness.report.summary import draw_summary
from harness.report.view import load_view


def png_of(side: int) -> bytes:
    with io.BytesIO() as out:
        Image.new("RGB", (side, side), (200, 30, 30)).save(out, "PNG")
        return out.getvalue()


def test_the_first_prompts_with_one_seed_references_first(build) -> None:
    builder = build(prompts=12, seeds=(3, 5))
    builder.cell("DDIM", 10, 84.0, versus="DDIM-100-g4")
    builder.cell("DDPM", 10, status="failed")
    builder.cell("DDIM", 100, 84.5)
    grid = choose(load_view(*builder.finish()), 8)
    (strip,) = grid.strips
    assert [row.id for row in strip.rows] == [f"p{i}-s3" for i in range(8)]
    assert [cell.cell_id for cell in strip.cells] == ["DDIM-100-g4", "DDIM-10-g4"]
    assert (strip.title, strip.inputs) == ("", ())
    assert grid.rule == "The first 8 prompts of 12, seed 3; nothing was picked by its looks."


def test_too_many_cells_are_thinned_evenly(build) -> None:
    builder = build(prompts=2)
    for steps in range(1, 21):
        builder.cell("DDIM", steps, 84.0, versus="DDIM-100-g4")
    builder.cell("DDIM", 100, 84.5)
    grid = choose(load_view(*builder.finish()), 2, 5)
    (strip,) = grid.strips
    assert [cell.cell_id for cell in strip.cells] == ["DDIM-100-g4", *(f"DDIM-{i}-g4" for i in (1, 6, 11, 16))]
    assert "5 of 21 cells, evenly spaced in the plan's order; references always." in grid.rule


def test_small_pictures_stay_as_they_are_and_large_ones_shrink() -> None:
    assert data_uri(png_of(64)).startswith("data:image/png;base64,")
    large = data_uri(png_of(768))
    assert large.startswith("data:image/jpeg;base64,") and len(large) < 4000


def test_the_grid_shows_the_pictures(sweep) -> None:
    view = load_view(*sweep.finish())
    image = np.asarray(draw(view, choose(view, 4), tile=64))
    assert image.shape[0] == 62 + 5 * 70
    # The first tile's middle is the second colour of the first picture.
    left = image.shape[1] - 4 * 70 - 6 + 6
    assert np.abs(image[62 + 32, left + 32].astype(int) - [40, 40, 200]).max() < 4


def test_a_missing_picture_is_a_blank_tile(sweep) -> None:
    view = load_view(*sweep.finish())
    for cell in view.done:
        view.store.path("images", cell.batches[0].key).unlink()
    image = np.asarray(draw(view, choose(view, 2), tile=64))
    assert (image == [233, 237, 241]).all(axis=2).sum() > 5 * 2 * 2000


def test_the_summary_has_its_size_with_and_without_a_chart(sweep) -> None:
    view = load_view(*sweep.finish())
    for chart in (None, Image.new("RGBA", (1400, 900), (0, 0, 0, 0))):
        assert draw_summary(view, answer(view), chart).size == (1600, 900)


def test_text_is_drawn_in_cyrillic_too_and_never_as_markup() -> None:
    sheet, blank = Drawing(300, 60), Drawing(300, 60)
    sheet.text((10, 30), ["<b>кот & −1 ×</b>\x00"], 20, "#000000")
    assert (np.asarray(sheet.pixels()) != np.asarray(blank.pixels())).any()


def test_wrapped_lines_fit() -> None:
    text = "a small red star on the left of a blue background " * 3
    lines = wrap(text, 14, 200, lines=20)
    assert " ".join(lines) == text.strip()
    assert all(text_width(line, 14) <= 200 for line in lines)
    assert wrap(text, 14, 200, lines=2)[-1].endswith("…")
    assert len(wrap("x" * 500, 14, 100, lines=3)[0]) < 40


def test_balanced_lines_leave_no_single_word_over() -> None:
    text = "one two three four five six seven eight"
    assert len(balanced(text, 14, text_width(text, 14) * 0.9, lines=3)[-1].split()) > 1

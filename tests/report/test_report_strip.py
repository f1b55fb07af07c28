"""One cell's pictures as files."""

import pytest
from PIL import Image

from harness.errors import MissingError, StoreError
from harness.report.strip import write_pictures, write_strip
from harness.report.view import load_view


def test_the_strip_holds_every_picture(sweep, tmp_path) -> None:
    view = load_view(*sweep.finish())
    path = write_strip(view, view.cells[0], tmp_path / "new" / "strip.png")
    with Image.open(path) as image:
        assert image.size == (8 * 138 + 10, 44 + 4 * 184)


def test_the_pictures_themselves_are_written_unchanged(sweep, tmp_path) -> None:
    view = load_view(*sweep.finish())
    paths = write_pictures(view, view.cells[0], tmp_path / "pictures")
    assert [path.name for path in paths] == [f"p{i}-s0.png" for i in range(32)]
    assert paths[5].read_bytes() == view.picture(view.cells[0], view.plan.rows[5])


def test_a_cell_without_pictures_says_so(sweep, tmp_path) -> None:
    view = load_view(*sweep.finish())
    with pytest.raises(MissingError, match="has no pictures: it is failed"):
        write_strip(view, view.failed[0], tmp_path / "strip.png")


@pytest.mark.parametrize("write", [write_strip, write_pictures])
def test_a_place_that_cannot_be_written_is_told(sweep, tmp_path, write) -> None:
    (tmp_path / "file").write_text("in the way")
    view = load_view(*sweep.finish())
    with pytest.raises(StoreError, match="cannot be written"):
        write(view, view.cells[0], tmp_path / "file" / "x")

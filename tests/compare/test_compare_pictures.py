"""Pictures of two runs: identical ones are counted, and the others are told how far they are apart."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from support.compare_runs import keep
from support.pictures import pictures_zip
from support.plans import SIZE

from harness.compare import words
from harness.compare.cases import CellPair
from harness.compare.pictures import look, pixels
from harness.compare.types import Compared, Pictures
from harness.report.view import load_view
from harness.store.store import Store

Compares = Callable[..., Compared]


def _seen(told: Compared, cell: int = 0) -> Pictures:
    pictures = told.cells[cell].pictures
    assert pictures is not None
    return pictures


def test_identical_pictures_are_counted_by_bytes(compared: Compares) -> None:
    seen = _seen(compared())
    assert (seen.rows, seen.identical, seen.different, seen.missing, seen.largest_difference) == (16, 16, 0, 0, 0)


@pytest.mark.parametrize("levels", [1, 20])
def test_other_pictures_are_counted_with_their_largest_difference(compared: Compares, levels: int) -> None:
    seen = _seen(compared(unlike=3, levels=levels))
    assert (seen.identical, seen.different, seen.largest_difference) == (13, 3, levels)


def test_the_same_pixels_in_other_bytes_are_identical(store: Store) -> None:
    pair = _pair(store)
    for batch in pair.new.batches:
        batch.image_sha256[:] = ["0" * 64] * len(batch.image_sha256)
    assert look(pair).pictures.identical == 16


def test_pictures_that_are_gone_are_told_and_are_not_identical(store: Store) -> None:
    pair = _pair(store, unlike=2)
    store.path("images", pair.new.batches[0].key).unlink()
    seen = look(pair).pictures
    assert (seen.identical, seen.different, seen.missing) == (14, 0, 2)  # by the digests that the records hold


def _pair(store: Store, **new: object) -> CellPair:
    views = [load_view(store, keep(store, name, **how)) for name, how in (("old", {}), ("new", {"anew": True, **new}))]
    return CellPair(*views, *(view.records[0] for view in views))  # type: ignore[call-arg]


def test_pixels_are_what_the_picture_shows() -> None:
    with io.BytesIO() as out:
        Image.new("RGB", (3, 2), (1, 2, 3)).save(out, "PNG")
        found = pixels(out.getvalue())
    assert found.shape == (2, 3, 3) and np.array_equal(found[0, 0], [1, 2, 3])


def _png(size: tuple[int, int], stated: tuple[int, int] | None = None) -> bytes:
    """A PNG; ``stated``: what its header says instead, as a decompression bomb's does."""
    with io.BytesIO() as out:
        Image.new("RGB", size, (1, 2, 3)).save(out, "PNG")
        data = out.getvalue()
    return data if stated is None else data[:16] + struct.pack(">II", *stated) + data[24:]


@pytest.mark.parametrize(
    ("data", "opened"),
    [
        (_png((SIZE, SIZE)), True),
        (_png((2 * SIZE, SIZE)), False),
        (_png((SIZE, 2 * SIZE)), False),
        (_png((SIZE, SIZE), stated=(60_000, 60_000)), False),
        (b"no picture at all", False),
        (_png((SIZE, SIZE))[:80], False),
    ],
)
def test_only_a_png_of_the_cells_own_size_is_opened(
    store: Store, monkeypatch: pytest.MonkeyPatch, data: bytes, opened: bool
) -> None:
    pair = _pair(store, unlike=16)
    key, rows = pair.new.batches[0].key, pair.new.batches[0].rows
    store.path("images", key).unlink()
    store.put("images", key, pictures_zip(dict.fromkeys(rows, data), {}))
    decoded: list[int] = []
    decode = Image.open
    monkeypatch.setattr(Image, "open", lambda file, **how: decoded.append(len(file.getvalue())) or decode(file, **how))
    seen = look(pair).pictures
    assert (seen.different, seen.unread) == ((16, 0) if opened else (0, 16))
    assert (len(data) in decoded) == (opened or len(data) == 80)  # the damaged one is told apart by its decoder only
    assert ("not opened" in words.pictures(seen)) != opened

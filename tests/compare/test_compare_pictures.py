"""Pictures of two runs: identical ones are counted, and the others are told how far they are apart."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import replace

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
from harness.store.records import BatchRef
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
        rows = [row for row in pair.run.rows_of(pair.new) if row.id in batch.rows]
        _put(store, batch, [_again(pair.run.picture(pair.new, row) or b"") for row in rows])
    before = [total for batch in pair.old.batches for total in batch.image_sha256]
    assert not set(before) & {total for batch in pair.new.batches for total in batch.image_sha256}
    assert look(_pair_again(pair)).pictures.identical == 16


def _again(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as image, io.BytesIO() as out:
        image.save(out, "PNG", compress_level=0)
        return out.getvalue()


def _put(store: Store, batch: BatchRef, pngs: list[bytes]) -> None:
    """Other pictures under a batch's key, as its record has them."""
    store.path("images", batch.key).unlink()
    store.put("images", batch.key, pictures_zip(dict(zip(batch.rows, pngs, strict=True)), {}))
    batch.image_sha256[:] = [hashlib.sha256(png).hexdigest() for png in pngs]


def _pair_again(pair: CellPair) -> CellPair:
    """With nothing read yet."""
    return replace(pair, run=replace(pair.run, _archives={}))


def test_a_picture_that_another_took_the_place_of_is_missing(store: Store) -> None:
    """As ``--fresh`` does to those of an older run: they are not what the record names."""
    pair = _pair(store, unlike=2)
    sums = list(pair.new.batches[0].image_sha256)
    _put(store, pair.new.batches[0], [_png((SIZE, SIZE))] * len(sums))
    pair.new.batches[0].image_sha256[:] = sums
    seen = look(_pair_again(pair)).pictures
    assert (seen.identical, seen.different, seen.missing) == (14, 0, 2)


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
    batch = pair.new.batches[0]
    _put(store, batch, [data] * len(batch.rows))
    decoded: list[int] = []
    decode = Image.open
    monkeypatch.setattr(Image, "open", lambda file, **how: decoded.append(len(file.getvalue())) or decode(file, **how))
    seen = look(pair).pictures
    assert (seen.different, seen.unread) == ((16, 0) if opened else (0, 16))
    assert (len(data) in decoded) == (opened or len(data) == 80)  # the damaged one is told apart by its decoder only
    assert ("not opened" in words.pictures(seen)) != opened

"""The contact sheet shows the stored pictures, and a grey square for one that is lost."""

from __future__ import annotations

import hashlib
import io
import zlib
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import pictures_zip
from support.records import make_run

from harness.store.records import CellRecord
from harness.store.store import Store, open_store
from harness.track.sheet import TILE, contact_sheet

GAP, LINE = 8, TILE + 16 + 8


@pytest.fixture
def plain(tmp_path: Path) -> Store:
    """A store without tracking."""
    return open_store(tmp_path / "plain")


def _cell(store: Store, rows: int) -> CellRecord:
    return store.load_cells(make_run(store, rows=rows))[0]


def _open(png: bytes | None) -> Image.Image:
    assert png is not None
    return Image.open(io.BytesIO(png))


def _middle(sheet: Image.Image, column: int, line: int) -> tuple[int, ...]:
    pixel = sheet.getpixel((GAP + column * (TILE + GAP) + TILE // 2, GAP + line * LINE + TILE // 2))
    assert isinstance(pixel, tuple)
    return pixel


def test_pictures_are_in_the_order_of_rows(plain: Store) -> None:
    sheet = _open(contact_sheet(plain, _cell(plain, 4), {}))
    assert sheet.size == (2 * (TILE + GAP) + GAP, 2 * LINE + GAP)
    middles = [_middle(sheet, 0, 0), _middle(sheet, 1, 0), _middle(sheet, 0, 1), _middle(sheet, 1, 1)]
    assert middles == [(214, 48, 49), (39, 174, 96), (41, 98, 255), (241, 196, 15)]


def test_the_sheet_is_bounded(plain: Store) -> None:
    sheet = _open(contact_sheet(plain, _cell(plain, 100), {"p000-s0": "a caption much longer than its picture " * 9}))
    assert sheet.size == (8 * (TILE + GAP) + GAP, 8 * LINE + GAP)


def test_a_lost_or_damaged_batch_is_grey(plain: Store) -> None:
    cell = _cell(plain, 8)
    plain.path("images", cell.batches[0].key).write_bytes(b"garbage")
    sheet = _open(contact_sheet(plain, cell, {}))
    assert _middle(sheet, 0, 0) == (225, 225, 225)
    assert _middle(sheet, 2, 1) != (225, 225, 225), "the fifth, of the second batch"


def test_a_picture_too_large_to_open_is_grey(plain: Store) -> None:
    cell = _cell(plain, 4)
    header = b"IHDR" + (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + header + zlib.crc32(header).to_bytes(4, "big")
    plain.put("images", cell.batches[0].key, pictures_zip({"p000-s0": bomb, "p001-s0": b"no picture"}, {}))
    sheet = _open(contact_sheet(plain, cell, {}))
    assert {_middle(sheet, column, line) for column in (0, 1) for line in (0, 1)} == {(225, 225, 225)}


def test_a_cell_without_pictures_has_no_sheet(plain: Store) -> None:
    failed = plain.load_cells(make_run(plain, failed={0}))[0]
    assert contact_sheet(plain, failed, {}) is None


def test_the_same_pictures_make_the_same_sheet(plain: Store) -> None:
    cell = _cell(plain, 4)
    sums = {hashlib.sha256(contact_sheet(plain, cell, {}) or b"").hexdigest() for _ in range(2)}
    assert len(sums) == 1

"""A batch of pictures as it is stored."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import numpy as np
from PIL import Image

from harness.run.worker_files import archive_bytes, largest_difference, pictures_of, png_bytes

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 16, 3), dtype=np.uint8)
ROWS = ("b", "a", "p0-s7")


def test_pictures_come_back_to_the_bit_and_in_their_order() -> None:
    data = archive_bytes({row: png_bytes(p) for row, p in zip(ROWS, PICTURES, strict=True)}, {"made_in": "run"})
    back = pictures_of(data)
    assert list(back) == list(ROWS)
    assert np.array_equal(np.stack([np.asarray(picture) for picture in back.values()]), PICTURES)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert json.loads(archive.comment) == {"made_in": "run"}
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())


def test_the_same_pictures_are_the_same_bytes() -> None:
    first, second = (archive_bytes({"r": png_bytes(PICTURES[0])}, {"seconds": 1}) for _ in range(2))
    assert first == second


def test_the_largest_difference_is_over_the_rows_that_are_stored() -> None:
    stored = {"a": Image.fromarray(PICTURES[0]), "b": Image.fromarray(PICTURES[1])}
    changed = PICTURES[:2].copy()
    changed[1, 3, 4, 2] ^= 128
    assert largest_difference(PICTURES[:2], ["a", "b"], stored) == 0
    assert largest_difference(changed, ["a", "b"], stored) == 128
    assert largest_difference(changed, ["a", "elsewhere"], stored) == 0
    assert largest_difference(changed, ["x", "y"], stored) is None

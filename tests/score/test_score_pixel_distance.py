"""A root mean square of known differences."""

from __future__ import annotations

import numpy as np
import pytest

from harness.score.pixel_distance import rms_difference

GREY = np.full((2, 2, 3), 100, dtype=np.uint8)


def test_known_distances() -> None:
    one = GREY.copy()
    one[0, 0] = (103, 96, 100)  # 9 + 16 over twelve values
    assert rms_difference(GREY, GREY) == 0.0
    assert rms_difference(GREY, one) == rms_difference(one, GREY) == pytest.approx(np.sqrt(25 / 12))


def test_levels_do_not_wrap_around() -> None:
    black, white = np.zeros_like(GREY), np.full_like(GREY, 255)
    assert rms_difference(black, white) == rms_difference(white, black) == 255.0


def test_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be held against"):
        rms_difference(GREY, GREY[:1])

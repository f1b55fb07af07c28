"""Depth maps of the world: the same up to scale and shift, and not the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.catalog.drawing import Floats, arrange, depth
from harness.catalog.world import Scene
from harness.score.depth_agreement import FARTHEST, agreement, relative_error


@pytest.fixture(scope="module")
def maps() -> Floats:
    places = ("left", "right", "top", "bottom", "middle")
    return depth(arrange([Scene("star", "red", "blue", "large", place) for place in places], np.random.default_rng(3)))


def test_scale_and_shift_change_nothing(maps: Floats) -> None:
    for one in maps:
        assert agreement(one * 3 - 0.5, one) == pytest.approx(1.0)
        assert relative_error(one * 3 - 0.5, one) == pytest.approx(0.0, abs=1e-6)
        assert agreement(-one, one) == pytest.approx(-1.0)


def test_a_monotone_change_keeps_the_order_but_not_the_shape(maps: Floats) -> None:
    assert agreement(np.exp(4 * maps[0]), maps[0]) == pytest.approx(1.0)
    assert relative_error(np.exp(4 * maps[0]), maps[0]) > 0.02


def test_maps_of_other_pictures_fall(maps: Floats) -> None:
    for other in maps[1:]:
        assert agreement(other, maps[0]) < 0.9 and relative_error(other, maps[0]) > 0.1
    pixels = np.random.default_rng(0).permutation(maps[0].ravel()).reshape(maps[0].shape)
    assert abs(agreement(pixels, maps[0])) < 0.05 and relative_error(pixels, maps[0]) > 0.2


def test_the_error_is_a_share_of_the_hint() -> None:
    """By hand: the best line through (0, 1), (0, 3), (1, 4), (1, 4) is 2 at 0 and 4 at 1."""
    hint, estimate = np.array([[1.0, 3.0], [4.0, 4.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    assert relative_error(estimate, hint) == pytest.approx((1 / 1 + 1 / 3 + 0 + 0) / 4)


def test_what_is_far_away_is_left_out() -> None:
    hint = np.array([[100.0, 50.0, 100 * FARTHEST, 100 * FARTHEST - 1, 0.0]])
    strange = hint + np.array([[0.0, 0.0, 0.0, 60.0, 90.0]])
    assert relative_error(strange, hint) == pytest.approx(0.0, abs=1e-9)
    strange[0, 2] += 10
    assert relative_error(strange, hint) > 0.01


def test_flat_maps() -> None:
    slope, flat = np.linspace(0.5, 1, 12).reshape(3, 4), np.full((3, 4), 0.3)
    assert agreement(flat, slope) == 0 and math.isnan(agreement(slope, flat))
    assert relative_error(flat, slope) == pytest.approx(np.mean(np.abs(0.75 - slope) / slope))
    assert relative_error(slope, flat) == pytest.approx(0.0, abs=1e-9)
    assert math.isnan(relative_error(slope, np.zeros((3, 4))))

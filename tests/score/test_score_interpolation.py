"""Positions between known vectors, and steps of known size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.score.interpolation import position, step_sizes

FIRST, LAST = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def at(degrees: float) -> NDArray[np.float64]:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])


def test_the_ends_and_the_middle() -> None:
    ends = np.stack([FIRST, LAST])
    assert [position(at(d), ends) for d in (0, 45, 90)] == pytest.approx([0.0, 0.5, 1.0])
    a, b = 1 - math.cos(math.radians(30)), 1 - math.cos(math.radians(60))
    assert position(at(30), ends) == pytest.approx(a / (a + b)) and position(7 * at(30), ends) == position(at(30), ends)


def test_it_grows_on_the_way() -> None:
    way = [position(at(d), np.stack([FIRST, LAST])) for d in range(0, 91, 10)]
    assert way == sorted(way)


def test_three_things_share_by_inverse_distance() -> None:
    things = np.stack([at(0), at(60), at(120)])
    inverse = [1 / (1 - math.cos(math.radians(d))) for d in (20, 40, 100)]
    assert position(at(20), things) == pytest.approx(inverse[2] / sum(inverse))
    assert position(at(120), things) == pytest.approx(1.0) and position(at(60), things) == pytest.approx(0.0)


def test_no_position_without_two_things() -> None:
    assert math.isnan(position(FIRST, np.stack([LAST]))) and math.isnan(position(FIRST, np.zeros((0, 2))))
    assert math.isnan(position(FIRST, np.stack([FIRST, FIRST])))


def test_steps() -> None:
    even = step_sizes(np.stack([at(d) for d in (0, 30, 60, 90)]))
    step = 1 - math.cos(math.radians(30))
    assert even.sizes == pytest.approx([step] * 3) and even.mean == pytest.approx(step)
    assert even.unevenness == pytest.approx(1.0)
    jump = step_sizes(np.stack([at(d) for d in (0, 0, 90, 90)]))
    assert jump.sizes == pytest.approx([0, 1, 0]) and jump.unevenness == pytest.approx(3.0)


def test_no_steps() -> None:
    assert step_sizes(np.stack([FIRST])).mean is None and step_sizes(np.stack([FIRST])).unevenness is None
    still = step_sizes(np.stack([FIRST, FIRST]))
    assert still.mean == 0.0 and still.unevenness is None

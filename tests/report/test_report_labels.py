"""Labels lie inside the chart and beside each other, not on each other."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.labels import Frame, place_labels

numbers = st.floats(0.01, 100)


def points_at(places: list[tuple[float, float]]) -> list[dict]:
    return [
        {"x": x, "x_low": x, "x_high": x, "y": y, "y_low": y, "y_high": y, "text": "16", "series": str(i), "order": 0,
         "reference": False}
        for i, (x, y) in enumerate(places)
    ]  # fmt: skip


def frame_of(points: list[dict]) -> Frame:
    sides = [[p[key] for p in points] for key in ("x_low", "x_high", "y_low", "y_high")]
    return Frame.around(*sides, 660, 380)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_pixels_and_numbers_are_two_sides_of_one_scale(places: list[tuple[float, float]]) -> None:
    points = points_at(places)
    frame = frame_of(points)
    for x, y in places:
        left, top = frame.pixel(x, y)
        assert 0 < left < 660 and 0 < top < 380
        assert frame.number(left, top) == pytest.approx((x, y), rel=1e-6, abs=1e-6)


@settings(max_examples=50)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_labels_stay_in_the_chart(places: list[tuple[float, float]]) -> None:
    points = points_at(places)
    frame = frame_of(points)
    placed = place_labels(points, frame)
    for x, y in zip(placed["label_x"], placed["label_y"], strict=True):
        left, top = frame.pixel(x, y)
        assert 0 <= left <= 660 and 0 <= top <= 380


def test_long_labels_at_the_edge_stay_in_the_chart() -> None:
    points = points_at([(1.0, 80.0), (2.0, 84.0)])
    points = [{**point, "text": "DPMSolverMultistep"} for point in points]
    frame = frame_of(points)
    placed = place_labels(points, frame)
    for x, y in zip(placed["label_x"], placed["label_y"], strict=True):
        left, _ = frame.pixel(x, y)
        assert 64 <= left <= 660 - 64


def test_labels_of_coinciding_points_do_not_cover_each_other() -> None:
    points = points_at([(1.0, 84.0), (1.01, 84.1), (1.0, 84.05), (5.0, 80.0)])
    frame = frame_of(points)
    placed = place_labels(points, frame)
    pixels = [frame.pixel(x, y) for x, y in zip(placed["label_x"], placed["label_y"], strict=True)]
    for one, other in itertools.combinations(pixels, 2):
        assert abs(one[0] - other[0]) >= 15 or abs(one[1] - other[1]) >= 13


def test_scales_turn_logarithmic_over_a_factor_of_four() -> None:
    assert frame_of(points_at([(0.1, 80.0), (1.0, 84.0)])).x_log
    assert not frame_of(points_at([(0.1, 80.0), (0.3, 84.0)])).x_log
    assert not frame_of(points_at([(0.1, 80.0), (1.0, 84.0)])).y_log


def test_a_single_point_has_a_scale() -> None:
    frame = frame_of(points_at([(1.0, 84.0)]))
    assert frame.pixel(1.0, 84.0) == pytest.approx((330, 190))


def test_a_bound_next_to_zero_makes_no_axis_of_decades() -> None:
    """Nor may a number that lies outside its own interval, by a rounding, end the report."""
    points = points_at([(1.0, 0.0), (2.0, 0.0)])
    points = [{**point, "y_low": 5.6e-17, "y_high": 0.56} for point in points]
    frame = frame_of(points)
    assert not frame.y_log
    assert len(place_labels(points, frame)["label_y"]) == 2

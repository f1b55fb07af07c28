"""The Pareto front: known answers, ties, and what a front is whatever the points are."""

from hypothesis import given
from hypothesis import strategies as st

from harness.report.schedulers.front import front
from harness.report.schedulers.sweep import read_sweep


def test_the_front_is_what_nothing_beats() -> None:
    points = {
        "cheap": (4.0, 60.0),
        "good": (8.0, 84.0),
        "worse": (8.0, 80.0),
        "dear": (16.0, 83.0),
        "best": (25.0, 85.0),
    }
    assert front(points, "higher") == {"cheap", "good", "best"}


def test_lower_may_be_better() -> None:
    assert front({"a": (4.0, 3.0), "b": (8.0, 5.0), "c": (8.0, 1.0)}, "lower") == {"a", "c"}


def test_ties_stand_on_it_together_and_half_ties_do_not() -> None:
    assert front({"a": (8.0, 84.0), "b": (8.0, 84.0)}, "higher") == {"a", "b"}
    assert front({"a": (8.0, 84.0), "dearer": (9.0, 84.0), "worse": (8.0, 83.0)}, "higher") == {"a"}


def test_no_points_no_front() -> None:
    assert front({}, "higher") == frozenset()


_POINTS = st.dictionaries(
    st.integers(0, 30).map(str), st.tuples(st.integers(1, 6).map(float), st.integers(0, 6).map(float))
)


@given(_POINTS)
def test_every_other_point_is_beaten_by_one_on_it(points) -> None:
    found = front(points, "higher")
    for key, (cost, quality) in points.items():
        beaten = [
            c <= cost and q >= quality and (c, q) != (cost, quality) for c, q in (points[other] for other in found)
        ]
        assert any(beaten) == (key not in found)


def test_a_cell_without_a_time_is_on_no_front_of_seconds(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.4, latency=0.15)
    fast = builder.point("DDIM", 16, 0.3, latency=None)
    builder.reference(latency=1.0)
    ground = read_sweep(builder.view()).grounds[0]
    assert fast in ground.on_front("clip_score", "model_calls")
    assert ground.on_front("clip_score", "seconds") == {"mini-2.2-DDIM-8-g4", "mini-2.2-DDIM-50-g4"}

"""Seeds are averaged within their prompt, and cells are paired row by row."""

import numpy as np
import pytest

from harness.stats.pairing import average_by_cluster, harm_by_visit, pair, paired_harm


def test_seeds_are_averaged_within_their_prompt() -> None:
    names, means = average_by_cluster([1.0, 10.0, 3.0, 20.0, 5.0], ["a", "b", "a", "b", "c"])
    assert names == ["a", "b", "c"]
    assert means.tolist() == [2.0, 15.0, 5.0]


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one cluster for each value"):
        average_by_cluster([1.0], ["a", "b"])


def test_only_rows_that_both_have_are_paired() -> None:
    cell = {"p0-s0": 1.0, "p0-s1": 2.0, "p1-s0": 9.0, "p2-s0": 7.0}
    reference = {"p0-s1": 4.0, "p1-s0": 6.0, "p3-s0": 1.0}
    paired = pair(cell, reference, {row: row.split("-")[0] for row in {*cell, *reference}})
    assert paired.clusters == ["p0", "p1"]
    assert paired.cell.tolist() == [2.0, 9.0]
    assert paired.reference.tolist() == [4.0, 6.0]
    assert paired.n_rows == 2
    assert paired.correlation is None


def test_the_correlation_is_of_prompt_means() -> None:
    cell = {"p0": 1.0, "p1": 2.0, "p2": 3.0}
    rising = pair(cell, {"p0": 2.0, "p1": 4.0, "p2": 6.0}, {row: row for row in cell})
    flat = pair(cell, dict.fromkeys(cell, 1.0), {row: row for row in cell})
    assert rising.correlation == pytest.approx(1.0)
    assert flat.correlation is None


@pytest.mark.parametrize(
    ("direction", "relative", "expected"),
    [("lower", False, 1.0), ("higher", False, -1.0), ("lower", True, np.log(1.5)), ("higher", True, -np.log(1.5))],
)
def test_harm_is_positive_when_worse(direction: str, relative: bool, expected: float) -> None:
    harm = paired_harm(np.array([3.0]), np.array([2.0]), direction=direction, relative=relative)
    assert harm[0] == pytest.approx(expected)


def test_a_ratio_needs_positive_numbers() -> None:
    with pytest.raises(ValueError, match="positive"):
        paired_harm(np.array([0.0]), np.array([2.0]), direction="lower", relative=True)


def test_costs_are_paired_by_visit() -> None:
    harm = harm_by_visit({2: 3.0, 0: 2.0, 5: 9.0}, {0: 1.0, 2: 2.0, 3: 7.0})
    assert harm is not None and harm.tolist() == pytest.approx([np.log(1.5), np.log(2.0)])
    nothing = harm_by_visit({0: 1.0}, {1: 1.0})
    assert nothing is not None and len(nothing) == 0


@pytest.mark.parametrize("odd", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_cost_makes_no_ratio(odd: float) -> None:
    assert harm_by_visit({0: 1.0, 1: odd}, {0: 1.0, 1: 1.0}) is None
    assert harm_by_visit({0: 1.0, 1: 1.0}, {0: 1.0, 1: odd}) is None

"""Precision, recall, density and coverage on sets that can be counted by hand, and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from harness.score import prdc

#: A square's corners, and a picture in its middle, one on a corner, two far away.
SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
PICTURES = np.array([[0.5, 0.5], [0.0, 0.0], [9.0, 9.0], [9.0, 8.0]])


def test_counted_by_hand() -> None:
    """A corner's second neighbour is at 1: the middle (0.71) is in all four balls, the corner in three (borders in)."""
    reach = prdc.radii(SQUARE, 2)
    assert reach.tolist() == [1.0] * 4
    assert prdc.inside(PICTURES, SQUARE, reach).tolist() == [True, True, False, False]
    assert prdc.how_many(PICTURES, SQUARE, reach).tolist() == [4, 1, 0, 0], "borders are no part of a density"
    assert prdc.precision(PICTURES, SQUARE, 2) == 0.5 and prdc.density(PICTURES, SQUARE, 2) == 5 / 4 / 2
    assert prdc.coverage(PICTURES, SQUARE, 2) == 1.0
    assert prdc.coverage(PICTURES[2:], SQUARE, 2) == 0.0


def test_a_set_lies_where_it_lies_itself_even_with_pictures_twice() -> None:
    x = np.random.default_rng(0).normal(size=(30, 16)) * 1e3
    twice = np.concatenate([x, x, x, x])  # all radii of 3 neighbours are 0
    assert prdc.radii(twice, 3).max() == 0.0
    assert prdc.precision(twice, x) == prdc.recall(twice, twice) == prdc.recall(twice, x) == 1.0


@pytest.mark.parametrize("chunk", [7, 1024])
def test_brute_force(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prdc, "_CHUNK", chunk)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 5)), 1.3 * rng.normal(size=(60, 5))
    own, other, across = cdist(x, x), cdist(y, y), cdist(x, y)
    of_x, of_y, wide = np.sort(own)[:, 3], np.sort(other)[:, 3], np.sort(other)[:, 5]
    assert prdc.precision(x, y) == (across <= of_y).any(axis=1).mean()
    assert prdc.recall(x, y) == (across <= of_x[:, None]).any(axis=0).mean()
    assert prdc.density(x, y) == pytest.approx((across < wide).sum() / 40 / 5)
    assert prdc.coverage(x, y) == (across < wide).any(axis=0).mean()
    assert 0 < prdc.recall(x, y) < prdc.precision(x, y) < 1, "the pictures lie inside, and do not fill it"


def test_recall_without_some_pictures() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(50, 4))
    kept = np.array([0, 3, 4, 9, 11, 12, 20, 29])
    assert prdc.Recall(x, y).at(kept) == prdc.recall(x[kept], y), "their balls are wider"
    assert prdc.Recall(x, y).at(np.arange(30)) == prdc.recall(x, y) != prdc.recall(x[kept], y)
    with pytest.raises(ValueError, match="3 nearest neighbours of 3"):
        prdc.Recall(x, y).at(kept[:3])


def test_too_small_a_set_has_no_neighbours() -> None:
    with pytest.raises(ValueError, match="5 nearest neighbours of 4"):
        prdc.density(PICTURES, SQUARE)

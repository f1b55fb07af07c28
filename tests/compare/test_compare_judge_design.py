"""Which pairs are shown: every beginning balanced, sides halved, repeats late and turned, all of it by the seed."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.judge.design import arranged, meetings, pairs_within, repeats_of, rows_in_turn
from harness.compare.judge.field import is_linked, round_robin


@given(st.integers(1, 12), st.integers(1, 12))
def test_everybody_meets_on_every_row_once_and_any_beginning_is_balanced(bouts: int, rows: int) -> None:
    met = list(meetings(bouts, rows))
    assert len(set(met)) == len(met) == bouts * rows
    for end in range(1, len(met) + 1):
        for side, count in ((0, bouts), (1, rows)):
            seen = Counter(one[side] for one in met[:end])
            assert max(seen.values()) - (min(seen.values()) if len(seen) == count else 0) <= 1


@pytest.mark.parametrize("count", range(2, 10))
def test_a_round_robin_has_every_two_once_and_is_linked_early(count: int) -> None:
    bouts = round_robin(count)
    assert sorted(bouts) == list(combinations(range(count), 2))
    played = Counter(place for bout in bouts[: 2 * (count // 2)] for place in bout)
    assert max(played.values()) - min(played[place] for place in range(count)) <= 1
    assert is_linked(count, bouts[: count + 1])
    assert count < 4 or not is_linked(count, bouts[: count - 2])


def test_every_prompt_comes_once_before_any_comes_twice() -> None:
    prompts = [name for name in "abcdef" for _ in range(3)]
    rows = rows_in_turn(prompts, np.random.default_rng(0))
    assert sorted(rows) == list(range(18))
    for layer in range(3):
        assert sorted(prompts[place] for place in rows[6 * layer : 6 * layer + 6]) == list("abcdef")


def test_votes_hold_the_repeats() -> None:
    assert [repeats_of(pairs) for pairs in (7, 8, 40, 400)] == [0, 2, 4, 12]
    for votes in range(1, 300):
        pairs = pairs_within(votes)
        assert pairs + repeats_of(pairs) <= votes < pairs + 1 + repeats_of(pairs + 1) + 1


@pytest.mark.parametrize("pairs", [7, 8, 33, 120])
def test_sides_are_halved_and_repeats_are_late_and_turned(pairs: int) -> None:
    chosen = [(place % 3, place) for place in range(pairs)]
    order = arranged(chosen, np.random.default_rng(5))
    first = [one for one in order if one.repeats is None]
    assert sorted((one.bout, one.row) for one in first) == sorted(chosen)
    for bout in range(3):
        turned = [one.turned for one in first if one.bout == bout]
        assert abs(2 * sum(turned) - len(turned)) <= 1
    again = [(place, one) for place, one in enumerate(order) if one.repeats is not None]
    assert len(again) == repeats_of(pairs)
    for place, one in again:
        before = order[one.repeats]
        assert (before.bout, before.row, before.turned) == (one.bout, one.row, not one.turned)
        assert place - one.repeats >= pairs // 3


def test_the_seed_decides_and_another_seed_decides_otherwise() -> None:
    chosen = [(0, place) for place in range(40)]
    one, same, other = (arranged(chosen, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_the_left_side_is_not_told_by_the_place() -> None:
    """Over seeds a pair is turned as often as not, wherever it stands."""
    turned = [
        [one.turned for one in arranged([(0, row) for row in range(7)], np.random.default_rng(s))] for s in range(300)
    ]
    assert np.all(np.abs(np.mean(turned, axis=0) - 0.5) < 0.12)

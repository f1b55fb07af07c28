"""Which pairs are shown, in which order, on which sides: all of it by one seed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np

#: A repeat comes at the earliest a third of the page after its first showing.
_PAIRS_A_REPEAT, _LEAST_REPEATS, _MOST_REPEATS, _LEAST_TO_REPEAT = 10, 2, 12, 8


@dataclass(frozen=True)
class Drawn:
    """One pair to show: a bout and a row by number. ``turned``: the second contestant stands left."""

    bout: int
    row: int
    turned: bool = False
    repeats: int | None = None  # place of the first showing in the order


def meetings(bouts: int, rows: int) -> Iterator[tuple[int, int]]:
    """Every bout on every row, each once, so that any beginning is balanced.

    After any number of steps two bouts, and two rows, differ by at most one in how often they were taken: both numbers
    run round, and the row is moved by one whenever the two have met in all the ways that they can.
    """
    around = lcm(bouts, rows)
    for step in range(bouts * rows):
        yield step % bouts, (step + step // around) % rows


def rows_in_turn(prompts: Sequence[Hashable], rng: np.random.Generator) -> list[int]:
    """Places of rows in random order, every prompt once before any comes a second time (with another seed)."""
    layers: list[list[int]] = []
    seen: dict[Hashable, int] = {}
    for place, prompt in enumerate(prompts):
        seen[prompt] = seen.get(prompt, -1) + 1
        if seen[prompt] == len(layers):
            layers.append([])
        layers[seen[prompt]].append(place)
    return [int(place) for layer in layers for place in rng.permutation(layer)]


def repeats_of(pairs: int) -> int:
    """How many of so many pairs are shown a second time: one in ten, from two to twelve; none of fewer than eight."""
    if pairs < _LEAST_TO_REPEAT:
        return 0
    return min(max(round(pairs / _PAIRS_A_REPEAT), _LEAST_REPEATS), _MOST_REPEATS)


def pairs_within(votes: int) -> int:
    """How many different pairs so many votes allow, repeats being votes too."""
    return max(pairs for pairs in range(votes + 1) if pairs + repeats_of(pairs) <= votes)


def arranged(chosen: Sequence[tuple[int, int]], rng: np.random.Generator) -> list[Drawn]:
    """The pairs (bout, row) on their sides, shuffled, with repeats on swapped sides in the last third.

    Of each bout's pairs the first contestant is left in half, so that a voter who likes the left side favours nobody.
    """
    sides = _sides([bout for bout, _ in chosen], rng)
    order = [Drawn(chosen[i][0], chosen[i][1], sides[i]) for i in rng.permutation(len(chosen))]
    early = len(order) // 3
    again = sorted(rng.choice(early, size=repeats_of(len(order)), replace=False)) if repeats_of(len(order)) else []
    swapped = [Drawn(order[i].bout, order[i].row, not order[i].turned, int(i)) for i in again]
    places = sorted(rng.choice(np.arange(2 * early, len(order) + 1), size=len(swapped)), reverse=True)
    for place, drawn in zip(places, rng.permutation(np.arange(len(swapped))), strict=True):
        order.insert(int(place), swapped[int(drawn)])
    return order


def _sides(bouts: Sequence[int], rng: np.random.Generator) -> list[bool]:
    """Whether each pair is turned: half of every bout's, an odd one by chance."""
    turned = [False] * len(bouts)
    for bout in dict.fromkeys(bouts):
        places = [place for place, of in enumerate(bouts) if of == bout]
        half = len(places) // 2 + (int(rng.integers(2)) if len(places) % 2 else 0)
        for place in rng.permutation(places)[:half]:
            turned[int(place)] = True
    return turned

"""Whether several people say the same of the same things.

Source: K. Krippendorff, Content Analysis (4th edition, 2018), chapter 12: alpha for nominal data, any number of people,
missing answers allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Agreement:
    """``same`` of ``n`` pairs of answers to one thing agree.

    ``alpha``: 1 is full agreement, 0 what chance would give; ``None`` with a ``reason``.
    """

    things: int
    n: int
    same: int
    alpha: float | None
    reason: str | None = None


def agreement(answers: Iterable[Sequence[Hashable]]) -> Agreement:
    """Agreement over things; each has the answers that it was given. Those with one answer do not count."""
    things = [list(given) for given in answers if len(given) > 1]
    pairs = [one == other for given in things for one, other in combinations(given, 2)]
    found = Agreement(len(things), len(pairs), sum(pairs), None, "no two people judged the same pair")
    if not things:
        return found
    observed = sum(_disagreeing(Counter(given)) / (len(given) - 1) for given in things)
    values = Counter(answer for given in things for answer in given)
    expected = _disagreeing(values) / (values.total() - 1)
    if expected == 0:
        return Agreement(len(things), len(pairs), sum(pairs), None, "all answers are one and the same: chance is all")
    return Agreement(len(things), len(pairs), sum(pairs), 1 - observed / expected)


def _disagreeing(counts: Counter[Hashable]) -> int:
    """Ordered pairs of answers that differ."""
    return counts.total() ** 2 - sum(count**2 for count in counts.values())

"""The Pareto front: the cells that no other cell beats in one thing without losing in the other."""

from __future__ import annotations

from collections.abc import Mapping

Direction = str  # "higher" or "lower" is better

MEANING = (
    "A cell is on the front when no other cell of the same panel (the same model, and all else that is swept but "
    "scheduler and steps) has at least as good a mean at no more cost and is better in one of the two. Cells that are "
    "equal in both stand on it together. By seconds only the cells that were timed count. It is a front of measured "
    "means and times, and takes no account of their intervals: cells on it may differ by chance, and a cell just "
    "behind it may belong on it. No recommendation rests on it."
)


def front(points: Mapping[str, tuple[float, float]], direction: Direction) -> frozenset[str]:
    """The ids on the front.

    Args:
        points: id → (cost, quality); cells without a cost or a quality are left out by the caller.
        direction: which way quality is better; cost is better lower.
    """
    sign = 1.0 if direction == "higher" else -1.0
    placed = {key: (cost, sign * quality) for key, (cost, quality) in points.items()}
    return frozenset(key for key, mine in placed.items() if not any(_beats(other, mine) for other in placed.values()))


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """At least as cheap and as good, and not equal in both."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other

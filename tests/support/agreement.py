"""One line of evidence that a metric is what its reference implementation says it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ABSENT = "not installed here"  # in the place of a reference's version


@dataclass(frozen=True)
class Agreement:
    """Ours against theirs on the same input.

    ``difference`` is relative where ``theirs`` is not near zero, else absolute, as ``bar`` is; ``theirs`` is not a
    number where the reference could not be had, and then ``reference`` says why.
    """

    metric: str
    reference: str  # the implementation and its version, or the formula that stands in for it
    case: str  # the input
    ours: float
    theirs: float
    difference: float
    bar: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the bar; what could not be compared does not agree."""
        return self.difference <= self.bar


def failures(lines: Iterable[Agreement], *, strict: bool) -> list[Agreement]:
    """The lines that do not agree; those whose reference could not be had only where all of them should be there."""
    return [line for line in lines if not line.agrees and (strict or ABSENT not in line.reference)]


def relative(ours: float, theirs: float) -> float:
    """``|ours - theirs| / |theirs|``; the plain difference where theirs is zero."""
    return abs(ours - theirs) / abs(theirs) if theirs else abs(ours)

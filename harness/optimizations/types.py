"""What an optimization is to the code that applies it: two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target
from harness.store.records import Evidence, Outcome

Before = dict[str, Any]


class Finding(NamedTuple):
    """What one network shows: an :class:`Evidence` without the words of the request."""

    part: str
    observed: str
    proof: str
    outcome: Outcome


class Optimization(NamedTuple):
    """``apply`` changes the target and returns what stood there before; ``verify`` looks at what stands there now."""

    apply: Callable[[Target, OptimizationChoice], Before]
    verify: Callable[[Target, OptimizationChoice, Before], Iterable[Finding]]


def outcome_of(changed: int, right: int, whole: int) -> Outcome:
    """Of ``whole`` places ``right`` are as asked, ``changed`` of them were not so before."""
    if whole == 0 or right == 0:
        return "failed"
    if right < whole:
        return "partly"
    return "applied" if changed else "no-op"


def evidence_of(choice: OptimizationChoice, findings: Iterable[Finding]) -> list[Evidence]:
    """The findings as records."""
    return [Evidence(requested=choice.label, **finding._asdict()) for finding in findings]

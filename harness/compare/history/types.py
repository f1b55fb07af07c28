"""A metric's history as data; it is rendered elsewhere."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen
from harness.compare.types import Change


class Point(Frozen):
    """What one run says: the value, its interval over ``n`` units, and what changed since the point before."""

    run_id: str
    name: str
    started_ms: int
    value: float
    low: float | None
    high: float | None
    level: float
    n: int
    unit: Literal["prompt", "visit"]
    changed: tuple[Change, ...] = ()
    reason: str | None = None  # why there is no interval


class Moved(Frozen):
    """The level moved: ``at`` is the place of the first point of the new level, whose run is ``run_id``.

    ``difference``: of the levels' means, in the metric's unit, or their ratio minus one where ``relative``.
    ``verdict`` says which way is better; it is *moved* where the metric has no better side, or where the change is too
    small to matter, which ``reason`` says. ``p`` is of the shufflings.
    """

    at: int
    run_id: str
    before: float
    after: float
    difference: float
    relative: bool
    verdict: Literal["better", "worse", "moved"]
    p: float
    reason: str | None = None


class Series(Frozen):
    """Points that can be joined: one cell, the same rows, and the same scorer (or, of costs, the same machine).

    ``cell``: its label, with what tells it from other series of that label. ``made_with``: what they share.
    ``why_no_test``: why no change of level was looked for.
    """

    cell: str
    made_with: dict[str, Any]
    points: tuple[Point, ...]
    moved: tuple[Moved, ...] = ()
    why_no_test: str | None = None
    notes: tuple[str, ...] = ()


class History(Frozen):
    """All series of a metric. ``notes``: what was left out, and why series of one cell are not joined."""

    schema_version: int = 1
    metric: str
    unit: str
    direction: Literal["higher", "lower"] | None
    series: tuple[Series, ...]
    runs: int
    notes: tuple[str, ...] = ()

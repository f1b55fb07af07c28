"""What the timing pass measured of a cell, visit by visit: calls of one visit share their process, and count as one."""

from __future__ import annotations

import math

from harness.store.records import CellRecord


def latency_by_visit(record: CellRecord) -> dict[int, float]:
    """Visit -> geometric mean of its steady calls, seconds for each image: sweeps are compared by their logarithms."""
    if record.timing is None:
        return {}
    calls: dict[int, list[float]] = {}
    for visit, second in zip(record.timing.round_of_call, record.timing.steady_s, strict=True):
        calls.setdefault(visit, []).append(second / record.timing.batch)
    return {visit: _geometric(seconds) for visit, seconds in calls.items()}


def memory_by_visit(record: CellRecord) -> dict[int, float]:
    """Visit -> its peak, bytes."""
    return dict(enumerate(map(float, record.memory.visit_peaks_bytes))) if record.memory else {}


def drift(record: CellRecord) -> float:
    """By how much the machine moved while the cell was timed, a share; 0 where it was not timed."""
    return (record.timing.drift or 0.0) if record.timing else 0.0


def not_its_own(record: CellRecord) -> str | None:
    """Why a timing is no evidence of the cell's speed: what was timed made other pictures. ``None``: it did not."""
    far = record.timed_apart
    if far is None:
        return None
    return f"the pictures that {record.label} made while timed are not its own: up to {far} of 255 levels apart"


MEASURED = {"latency": latency_by_visit, "peak_memory": memory_by_visit}


def _geometric(seconds: list[float]) -> float:
    if min(seconds) <= 0:
        return 0.0  # no time at all is no measurement; whoever takes logarithms must look
    return math.exp(math.fsum(map(math.log, seconds)) / len(seconds))

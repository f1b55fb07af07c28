"""What the timing pass measured of a cell, visit by visit: calls of one visit share their process, and count as one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.catalog.optimizations import CUDA_GRAPHS
from harness.catalog.stacks import option
from harness.catalog.types import OptimizationChoice
from harness.store.records import CellRecord

Visits = dict[int, float]  # visit -> cost


def latency_by_visit(record: CellRecord) -> dict[int, float]:
    """Visit -> geometric mean of its steady calls, seconds for each image: sweeps are compared by their logarithms."""
    timing = record.timing
    return {} if timing is None else _by_visit(timing.steady_s, timing.round_of_call, timing.batch)


def _by_visit(seconds: list[float], visits: list[int], batch: int) -> dict[int, float]:
    calls: dict[int, list[float]] = {}
    for visit, second in zip(visits, seconds, strict=True):
        calls.setdefault(visit, []).append(second / batch)
    return {visit: _geometric(own) for visit, own in calls.items()}


def latency_in_turns(cell: CellRecord, other: CellRecord) -> tuple[Visits, Visits] | None:
    """Latencies of two cells by visit, as calls in turns have them; ``None``: they had none in most visits.

    Of a cell and its reference they are those of the cell's visits. Of two that were called beside the same third one,
    the other's are as they would be at the cell's visit: times the third's there over the third's at its own.
    """
    beside, theirs = _beside(cell), _beside(other)
    if beside and _third(cell) == other.timing_key:
        found = latency_by_visit(cell), beside
    elif theirs and _third(other) == cell.timing_key:
        found = theirs, latency_by_visit(other)
    elif beside and theirs and _third(cell) == _third(other):
        found = latency_by_visit(cell), _moved(latency_by_visit(other), theirs, beside)
    else:
        return None
    common, visits = found[0].keys() & found[1].keys(), max(map(len, found))
    return found if len(common) > 1 and 2 * len(common) > visits else None


def _moved(costs: Visits, third_there: Visits, third_here: Visits) -> Visits:
    """What costs would be where a third cell took other times."""
    return {
        visit: cost * third_here[visit] / third_there[visit]
        for visit, cost in costs.items()
        if visit in third_here and third_there.get(visit, 0) > 0
    }


def _beside(record: CellRecord) -> Visits:
    timing = record.timing
    if timing is None or timing.beside is None:
        return {}
    return _by_visit(timing.beside.steady_s, timing.beside.round_of_call, timing.batch)


def _third(record: CellRecord) -> str | None:
    return record.timing.beside.timing_key if record.timing and record.timing.beside else None


def replays_graphs(record: CellRecord) -> bool:
    """Whether its compiled code replays CUDA graphs: their pools look unallocated, so that only the reserve tells."""
    return record.memory is not None and graphs_replayed(record.memory.kind, record.settings.optimizations)


def graphs_replayed(kind: str, stack: Iterable[OptimizationChoice]) -> bool:
    """The same of a stack of optimizations and the kind of memory that was measured of it."""
    compiled = (one for one in stack if one.name == "compile")
    return kind == "device-allocated" and any(option(one, "mode") in CUDA_GRAPHS for one in compiled)


def peak_bytes(record: CellRecord) -> int | None:
    """The peak that a cell is judged by: what the allocator reserved where CUDA graphs are replayed."""
    if record.memory is None:
        return None
    return record.memory.reserved_bytes if replays_graphs(record) else record.memory.peak_bytes


def peak_kind(record: CellRecord) -> str | None:
    """What ``peak_bytes`` counts, in words."""
    if record.memory is None:
        return None
    kinds = {"device-allocated": "allocated on the device", "resident-over-idle": "resident over idle"}
    return "reserved on the device" if replays_graphs(record) else kinds[record.memory.kind]


def memory_by_visit(record: CellRecord, *, reserved: bool = False) -> dict[int, float]:
    """Visit -> its peak, bytes; ``reserved``: of what the device's allocator held."""
    if record.memory is None:
        return {}
    peaks = record.memory.visit_reserved_bytes if reserved else record.memory.visit_peaks_bytes
    return dict(enumerate(map(float, peaks)))


def both_by_visit(metric: str, cell: CellRecord, other: CellRecord) -> tuple[Visits, Visits]:
    """What was measured of two cells, of one kind: both are reserved bytes where either replays CUDA graphs."""
    if metric == "latency":
        return latency_by_visit(cell), latency_by_visit(other)
    reserved = replays_graphs(cell) or replays_graphs(other)
    return memory_by_visit(cell, reserved=reserved), memory_by_visit(other, reserved=reserved)


def by_visit(metric: str, record: CellRecord) -> Visits:
    """What was measured of one cell, by the rule for two: by what its kind of code is judged by."""
    return both_by_visit(metric, record, record)[0]


def drift(record: CellRecord) -> float:
    """By how much the machine moved while the cell was timed, a share; 0 where it was not timed."""
    return (record.timing.drift or 0.0) if record.timing else 0.0


def drift_words(moved: float, margin: float) -> str:
    """Why two cells that were timed side by side cannot be shown to be alike; both are shares."""
    return f"the machine drifted by {moved:.1%} within or between visits, more than the margin of {margin:.1%}"


def not_their_own(cell: CellRecord, reference: CellRecord) -> str | None:
    """Why two timings of one run are no evidence; ``None``: both made their own pictures, beside each other too."""
    return not_its_own(cell) or not_its_own(reference) or _not_its_own_beside(cell, reference)


def _not_its_own_beside(cell: CellRecord, reference: CellRecord) -> str | None:
    beside = cell.timing.beside if cell.timing is not None else None
    far = None if beside is None else reference.beyond_rounding(beside.largest_pixel_difference)
    if far is None:
        return None
    whose = f"{reference.label} made beside {cell.label}"
    return f"the pictures that {whose} are not its own: up to {far} of 255 levels apart"


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

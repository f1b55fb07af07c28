"""What a cell costs beside its reference: the speed-up, the memory saved, the first call and when it has paid."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from harness.report.optimizations.proof import AGAIN
from harness.stats.ratio import OverVisits, mean_over_visits, ratio_over_visits
from harness.store.measured import both_by_visit, latency_by_visit, latency_in_turns, not_their_own
from harness.store.records import CellRecord

_TWO = "two visits: an interval of seconds needs three"


@dataclass(frozen=True)
class Saved:
    """Bytes of peak memory saved, and the same as a share of the reference's; negative where more is needed."""

    bytes: OverVisits
    share: OverVisits


@dataclass(frozen=True)
class FirstCall:
    """A cell's own first call, in seconds: ``compile_s`` is what it takes beyond a steady call.

    ``pays_after``: images after the first call until the seconds saved have made up for a first call longer than the
    reference's; ``pays_between``: the same at the two ends of the speed-up's interval, the fewest first. What is not
    known is ``None``, with its reason.
    """

    seconds: float | None
    compile_s: float | None
    pays_after: int | None
    reason: str | None = None
    pays_reason: str | None = None
    pays_between: tuple[int, int] | None = None


def speed_up(cell: CellRecord, reference: CellRecord) -> OverVisits:
    """The reference's latency over the cell's, above 1 where the cell is faster."""
    if cell.timing is None or reference.timing is None:
        whose = untimed(cell) if cell.timing is None else f"the reference is {untimed(reference)}"
        return OverVisits(None, None, None, 0, whose)
    turns = latency_in_turns(cell, reference)
    mine, theirs = turns or both_by_visit("latency", cell, reference)
    above, below = ({visit: (mean,) for visit, mean in one.items()} for one in (theirs, mine))
    found = ratio_over_visits(above, below)
    why = spoilt(cell, reference, in_turns=turns is not None)
    return found.without_interval(why) if why else found


def untimed(record: CellRecord) -> str:
    """That a cell has no timing, and why: "not timed: recompiled in a timed call"."""
    why = "it failed" if record.status == "failed" else (record.timing_reason or "").rstrip(".")
    return f"not timed: {why}" if why else "not timed yet"


def spoilt(cell: CellRecord, reference: CellRecord, *, in_turns: bool) -> str | None:
    """Why two timings bear no interval of their ratio."""
    assert cell.timing is not None and reference.timing is not None
    if cell.timing.measured_in != reference.timing.measured_in and not in_turns:
        return "the two were timed in different runs; `--remeasure` times them side by side"
    return not_their_own(cell, reference)


def over_visits(record: CellRecord) -> OverVisits:
    """Seconds for each image: the geometric mean over visits, with its interval; calls of one visit count once.

    Two visits have none: with one degree of freedom it would reach from milliseconds to minutes, and say nothing.
    """
    found = mean_over_visits([math.log(seconds) for seconds in latency_by_visit(record).values()])
    value, low, high = (None if end is None else math.exp(end) for end in (found.value, found.low, found.high))
    whole = OverVisits(value, low, high, found.n, found.reason)
    return whole if found.n > 2 else whole.without_interval(found.reason or _TWO)


def seconds_of(record: CellRecord) -> float | None:
    """The seconds that an interval of ``over_visits`` is of; ``None`` where nothing was timed."""
    return over_visits(record).value if record.timing is not None else None


def memory_saved(cell: CellRecord, reference: CellRecord) -> Saved | None:
    """Peak memory of the reference minus the cell's, paired by visit; ``None`` where either was not measured.

    Both are what the device's allocator reserved where either cell replays CUDA graphs.
    """
    if cell.memory is None or reference.memory is None or cell.memory.kind != reference.memory.kind:
        return None
    mine, theirs = both_by_visit("peak_memory", cell, reference)
    common = [visit for visit in theirs if visit in mine]
    if not common or min(theirs[visit] for visit in common) <= 0:
        return None
    found = mean_over_visits([theirs[visit] - mine[visit] for visit in common])
    whole = statistics.mean(theirs[visit] for visit in common)
    value, low, high = (None if end is None else end / whole for end in (found.value, found.low, found.high))
    return Saved(found, OverVisits(value, low, high, found.n, found.reason))


def first_call(cell: CellRecord, reference: CellRecord | None, speed: OverVisits | None) -> FirstCall:
    """What the first call costs, and after how many images it has paid."""
    seconds, steady = _first(cell), _steady(cell)
    if seconds is None or steady is None:
        why = "not timed" if cell.timing is None else "its own first call was not measured"
        return FirstCall(None, None, None, why, why)
    compile_s = max(seconds - steady, 0.0)
    if reference is None or speed is None:
        return FirstCall(seconds, compile_s, None, pays_reason="it is the reference")
    reason = _never_pays(cell, reference, speed)
    if reason is not None:
        return FirstCall(seconds, compile_s, None, pays_reason=reason)
    after, most, fewest = (_pays_after(cell, reference, end) for end in (speed.value, speed.low, speed.high))
    return FirstCall(seconds, compile_s, after, pays_between=(fewest, most))


def _first(cell: CellRecord) -> float | None:
    calls = cell.timing.first_call_s if cell.timing else []
    return statistics.median(calls) if calls else None


def _steady(cell: CellRecord) -> float | None:
    return statistics.median(cell.timing.steady_s) if cell.timing and cell.timing.steady_s else None


def _never_pays(cell: CellRecord, reference: CellRecord, speed: OverVisits) -> str | None:
    """Why no number of images can be said; ``None`` where it can."""
    if [choice.name for choice in cell.settings.optimizations] == [AGAIN]:
        return "nothing was asked for: there is nothing to pay for"
    if _first(cell) is None or _first(reference) is None:
        return "the reference's own first call was not measured"
    if speed.value is None or speed.low is None or speed.high is None:
        return speed.reason or "no speed-up is known"
    if speed.high < 1:
        return "it is slower: it never pays"
    if speed.low <= 1:
        return "the interval of its speed-up covers 1: no saving was shown"
    return None


def _pays_after(cell: CellRecord, reference: CellRecord, speed: float | None) -> int:
    """Images at a speed-up above 1."""
    mine, theirs = _first(cell), _first(reference)
    assert mine is not None and theirs is not None and speed is not None
    steady = seconds_of(reference)
    assert steady is not None
    return max(0, math.ceil((mine - theirs) / (steady * (1 - 1 / speed))))

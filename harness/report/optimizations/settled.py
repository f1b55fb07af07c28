"""What the verdicts on speed and memory leave open: an interval alone settles nothing that a verdict does not."""

from __future__ import annotations

from harness.report.optimizations.audit import Audited
from harness.report.sentences import margin_text
from harness.report.view import comparison_of
from harness.store.measured import drift
from harness.store.records import Comparison


def speed_open(one: Audited) -> str | None:
    """Why it is not settled whether a cell is faster or slower; ``None`` where it is, or where no verdict was asked."""
    return _open(comparison_of(one.cell, "latency"))


def memory_open(one: Audited) -> str | None:
    """The same of its peak memory."""
    return _open(comparison_of(one.cell, "peak_memory"))


def _open(judged: Comparison | None) -> str | None:
    if judged is None or judged.verdict != "inconclusive":
        return None
    return judged.reason or f"the interval reaches over the margin of {margin_text(judged)}"


def drifted(one: Audited) -> float:
    """By what share the machine moved, where that is why a cell's speed is open; else 0."""
    judged = comparison_of(one.cell, "latency")
    both = [drift(record) for record in (one.cell, one.reference) if record is not None]
    return max(both) if judged is not None and judged.verdict == "inconclusive" and max(both) > judged.margin else 0.0


def within_margin(one: Audited) -> str | None:
    """The margin that a cell's speed was shown to stay within; ``None`` where it was not."""
    judged = comparison_of(one.cell, "latency")
    return margin_text(judged) if judged is not None and judged.verdict == "equivalent" else None


def seems_faster(one: Audited) -> bool:
    """Whether the interval of its speed-up lies above 1, whatever the verdict says."""
    return one.speed is not None and one.speed.low is not None and one.speed.low > 1


def is_faster(one: Audited) -> bool:
    """Whether it was shown to be faster: by its verdict, and by the interval alone where none was asked for."""
    return seems_faster(one) and _says(one, "improved")


def is_slower(one: Audited) -> bool:
    """The same of slower."""
    return one.speed is not None and one.speed.high is not None and one.speed.high < 1 and _says(one, "regressed")


def _says(one: Audited, verdict: str) -> bool:
    judged = comparison_of(one.cell, "latency")
    return judged is None or judged.verdict == verdict

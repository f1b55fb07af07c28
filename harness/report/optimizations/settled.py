"""What the verdicts on speed and memory leave open: an interval alone settles nothing that a verdict does not."""

from __future__ import annotations

from harness.report.optimizations.audit import Audited
from harness.report.sentences import margin_text
from harness.report.text import percent, plural
from harness.report.view import RunView, comparison_of
from harness.store.measured import drift, drift_words
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
    return reason_of(judged) or f"the interval reaches over the margin of {margin_text(judged)}"


def reason_of(judged: Comparison) -> str | None:
    """Why a verdict is what it is, its interval named by its level: beside it stands that of 95 %."""
    if judged.reason is None or judged.interval is None:
        return judged.reason
    return judged.reason.replace("the interval ", f"its {percent(judged.interval.level, 0)} interval ", 1)


def speed_open_words(one: Audited) -> str:
    """The whole reason; where it is the machine's drift and no other, that in few words."""
    why = speed_open(one) or ""
    return _drift_in_short(one) if why == _drift_words(one) else why


def speed_open_in_short(one: Audited, judged_together: int) -> str:
    """Each of the reasons in few words. ``judged_together``: comparisons that Holm's adjustment is over."""
    known = {_drift_words(one): _drift_in_short(one)}
    holm = f"Holm over {plural(judged_together, 'comparison')}"
    parts = (speed_open(one) or "").split("; ")
    return "; ".join(holm if asks_holm(part) else known.get(part, part) for part in parts)


def asks_holm(reason: str) -> bool:
    """Whether a reason is that of one claim among many: settled if it stood alone, and not beside all others."""
    return "Holm's adjustment" in reason


def judged_together(view: RunView) -> int:
    """Comparisons that Holm's adjustment is over: all of a run that had a sample to be judged by."""
    return sum(judged.interval is not None for cell in view.cells for judged in cell.comparisons)


def drifted(one: Audited) -> float:
    """By what share the machine moved, where that is a reason why a cell's speed is open; else 0."""
    words, why = _drift_words(one), speed_open(one) or ""
    return _moved(one) if words is not None and words in why else 0.0


def _moved(one: Audited) -> float:
    return max(drift(record) for record in (one.cell, one.reference) if record is not None)


def _drift_in_short(one: Audited) -> str:
    return f"the machine drifted by {percent(_moved(one))}"


def _drift_words(one: Audited) -> str | None:
    """What a verdict says of the machine's drift; ``None`` where no verdict was asked for."""
    judged = comparison_of(one.cell, "latency")
    return None if judged is None else drift_words(_moved(one), judged.margin)


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

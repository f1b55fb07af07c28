"""That no pixel may change, where that is asked for: one more finding on each pair of cells."""

from __future__ import annotations

from harness.compare import words
from harness.compare.types import PIXELS, Finding, Pictures
from harness.report.text import plural


def pixels_finding(pictures: Pictures, *, lost: int, same: str | None) -> Finding:
    """*Equivalent* if every picture is identical, else *regressed*: a demand that could not be checked is not met.

    Args:
        pictures: of the rows that both have.
        lost: rows that only the baseline has.
        same: why all must be the same, where that is known.
    """
    if lost:
        why = f"`--identical` was asked for, and the run has none of {plural(lost, 'row')} of the baseline"
        return Finding(metric=PIXELS, verdict="regressed", reason=why)
    if pictures.rows and pictures.identical == pictures.rows:
        return Finding(metric=PIXELS, verdict="equivalent", reason=same or "every picture is identical")
    return Finding(
        metric=PIXELS, verdict="regressed", reason=f"`--identical` was asked for; {words.pictures(pictures)}"
    )

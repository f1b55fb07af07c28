"""That no pixel may change, where that is asked for: one more finding on each pair of cells."""

from __future__ import annotations

from harness.compare import words
from harness.compare.types import PIXELS, Finding, Pictures


def pixels_finding(pictures: Pictures) -> Finding:
    """*Equivalent* if every picture is identical, else *regressed*: a demand that could not be checked is not met."""
    if not pictures.rows:
        return Finding(metric=PIXELS, verdict="not comparable", reason=words.pictures(pictures), owed=True)
    if pictures.identical == pictures.rows:
        return Finding(metric=PIXELS, verdict="equivalent", reason="every picture is identical")
    return Finding(
        metric=PIXELS, verdict="regressed", reason=f"`--identical` was asked for; {words.pictures(pictures)}"
    )

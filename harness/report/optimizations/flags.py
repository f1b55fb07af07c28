"""What is wrong with a cell: faults that a reader must know before using any of its numbers."""

from __future__ import annotations

from harness.report.optimizations.audit import Audited
from harness.report.optimizations.proof import AGAIN
from harness.report.text import percent
from harness.store.records import NOT_TIMED_YET


def flags(one: Audited) -> tuple[str, ...]:
    """One sentence for each fault; none where all is well. A no-op is a finding, not a fault."""
    if one.cell.status != "done":
        return ()
    found = [*_not_on(one), *_not_timed(one), *_clips(one), *_changed(one), *_elsewhere(one), *_noise(one)]
    return tuple(f"{sentence}." for sentence in found)


def _not_on(one: Audited) -> list[str]:
    said = {
        "failed": "{0} was asked for and is not there: {1}",
        "partly": "{0} is there in part only: {1}",
        "none recorded": "nothing was recorded that shows {0} was on",
    }
    asked = (proof for proof in one.proofs if proof.requested != AGAIN)
    return [said[p.outcome].format(p.requested, p.observed) for p in asked if p.outcome in said]


def _not_timed(one: Audited) -> list[str]:
    """A timing that failed, a recompile in a timed call for one; a run without a timing pass has none to fail."""
    why = one.cell.timing_reason
    if one.cell.timing is not None or not why or why.startswith(NOT_TIMED_YET) or not one.wants_timing:
        return []
    return [f"its timing failed: {why.rstrip('.')}"]


def _clips(one: Audited) -> list[str]:
    look = one.looks
    if look is None or not look.clips:
        return []
    now, before = percent(look.saturated or 0.0), percent(look.saturated_reference or 0.0)
    return [f"{now} of its pixels are saturated (0 or 255), {before} of the reference's: what decodes them clips"]


def _changed(one: Audited) -> list[str]:
    """Pictures that should have stayed the same to the bit."""
    look = one.looks
    if look is None or not one.promises_identity or not look.largest:
        return []
    what = "the same pipeline does not repeat its pictures" if one.is_again else "it should not change a bit"
    return [f"{what}: pixels differ by up to {look.largest} of 255"]


def _elsewhere(one: Audited) -> list[str]:
    if (far := one.cell.timed_apart) is None:
        return []
    return [f"the pictures that it made while timed are not its own: up to {far} of 255 levels apart"]


def _noise(one: Audited) -> list[str]:
    """A speed-up of what changed nothing is the measurement's own."""
    speed = one.speed
    if speed is None or speed.low is None or speed.covers(1.0) or not (one.is_again or one.outcome == "no-op"):
        return []
    return ["nothing changed, and yet the interval of its speed-up leaves out 1, as one in twenty does by chance"]

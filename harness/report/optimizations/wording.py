"""The audit's numbers and outcomes as people read them."""

from __future__ import annotations

from harness.report.optimizations.audit import Audited
from harness.report.optimizations.costs import Saved
from harness.report.optimizations.looks import Looks
from harness.report.optimizations.proof import AGAIN, Proof
from harness.report.text import mebibytes, number, percent, plural
from harness.stats.ratio import OverVisits
from harness.store.records import Failure, Timing

MARKS = {"applied": "✓", "no-op": "∅", "partly": "◐", "failed": "✗", "none recorded": "?"}
SHOWN_MEMORY = 0.02  # a share of memory saved, or lost, that a sentence speaks of
INTERVALS = (
    "A speed-up is the reference's latency over the cell's: the geometric mean over the visits of the timing pass of "
    "the ratio of their steady calls, with its 95 % interval (Student's t over visits). Each interval stands alone; "
    "the verdicts on latency, memory and quality are adjusted by Holm over the whole run, and are in the table."
)
SAMENESS = (
    "Identical: every pixel of every picture is the reference's. Equivalent: pixels differ, and every quality metric "
    "is equivalent or better within its margin. Different: a metric is worse by more than its margin, or the pictures "
    "cannot be compared. Inconclusive: no such verdict could be given."
)
BREAK_EVEN = (
    "Pays after: the images after the first call that make up for a first call longer than the reference's, at the "
    "seconds saved on each. Compile time: what the cell's own first call takes beyond a steady one, warm-up of every "
    "kind included."
)


def ratio_words(found: OverVisits) -> str:
    """ "1.32× [1.28–1.36]"; without an interval the number alone."""
    if found.value is None:
        return "—"
    decimals = _decimals(found)
    text = f"{number(found.value, decimals)}×"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{number(found.low, decimals)}–{number(found.high, decimals)}]"


def _decimals(found: OverVisits) -> int:
    """Two, or three where the interval is narrower than a hundredth to either side."""
    narrow = found.low is not None and found.high is not None and found.high - found.low < 0.02
    return 3 if narrow else 2


def speed_words(found: OverVisits) -> str:
    """ "1.32× faster [1.28–1.36]", or that no difference was shown."""
    if found.value is None:
        return found.reason or "speed-up not known"
    if found.low is None or found.high is None:
        return f"{ratio_words(found)} (no interval: {found.reason})"
    if found.covers(1.0):
        return f"no faster or slower beyond the noise, {ratio_words(found)}"
    value, bounds = ratio_words(found).split(" ", 1)
    return f"{value} as fast {bounds}" if found.high < 1 else f"{value} faster {bounds}"


def memory_words(saved: Saved | None) -> str:
    """ "45 % less memory (120 MiB)"; "" where it is next to nothing or nothing was shown."""
    if saved is None or saved.share.value is None or saved.bytes.value is None:
        return ""
    shown = saved.share.low is None or not saved.share.covers(0.0)
    if not shown or abs(saved.share.value) < SHOWN_MEMORY:
        return ""
    less = "less" if saved.share.value > 0 else "more"
    return f"{percent(abs(saved.share.value), 0)} {less} memory ({mebibytes(abs(saved.bytes.value))})"


def pays_words(one: Audited) -> str:
    """ "pays after 210 images"; "" where there is nothing to pay for, or no saving was shown."""
    after = one.first.pays_after
    if after is None:
        return ""
    return f"pays after {plural(after, 'image')}" if after else "pays from the first image"


def proof_words(proof: Proof) -> str:
    """ "applied"; what was seen where it was not."""
    seen = f": {proof.observed}" if proof.observed else ""
    return {
        "applied": "applied",
        "no-op": f"a no-op{seen}",
        "partly": f"only partly applied{seen}",
        "failed": f"NOT applied{seen}",
        "none recorded": "no evidence was recorded that it was on",
    }[proof.outcome]


def evidence_words(one: Audited) -> str:
    """A stack's evidence: one optimization's in full, of several each with its name."""
    asked = [proof for proof in one.proofs if proof.requested != AGAIN]
    if len(asked) == 1:
        return proof_words(asked[0])
    if all(proof.outcome == "applied" for proof in asked):
        return "all applied" if asked else ""
    return ", ".join(f"{proof.requested} {proof_words(proof)}" for proof in asked)


def looks_words(found: Looks) -> str:
    """ "pictures equivalent (largest difference 3 of 255)"."""
    if found.sameness == "identical":
        return "pictures identical"
    pixels = "" if found.largest is None else f"largest difference {found.largest} of 255"
    why = f": {found.reason}" if found.reason else ""
    return f"pictures {found.sameness}{f' ({pixels})' if pixels else ''}{why}"


def outcome_word(one: Audited) -> str:
    """A cell's outcome in a narrow column."""
    if one.cell.status != "done":
        return ""
    if one.is_again:
        return "A/A"
    return one.outcome or "—"


def need_words(failure: Failure) -> str:
    """Why it failed; of a lack of memory also what was held: "at 14.1 GiB: wanted 2.00 GiB more"."""
    held = f"at {mebibytes(failure.peak_bytes)}: " if failure.peak_bytes is not None else ""
    return f"{held}{failure.reason}"


def missing_words(timing: Timing) -> list[str]:
    """What could not be read while a cell was timed, and why: "throttled: this driver does not tell"."""
    disturbed = timing.disturbed
    return [] if disturbed is None else [f"{_READINGS[name]}: {why}" for name, why in disturbed.missing.items()]


#: readings of ``Disturbed`` that may be missing
_READINGS = {
    "throttled": "whether the device was throttled",
    "foreign_processes": "whether others used the device",
    "container_throttled": "whether the container's limit held it back",
    "governor": "the governor of the processor's clock",
}

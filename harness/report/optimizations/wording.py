"""The audit's numbers and outcomes as people read them."""

from __future__ import annotations

from harness.report.optimizations.audit import Audited
from harness.report.optimizations.costs import Saved
from harness.report.optimizations.looks import Looks
from harness.report.optimizations.proof import AGAIN, Proof
from harness.report.optimizations.settled import (
    memory_open,
    speed_open,
    speed_open_in_short,
    speed_open_words,
    within_margin,
)
from harness.report.text import mebibytes, number, percent, plural
from harness.stats.ratio import OverVisits
from harness.store.records import Failure, Timing

SHOWN_MEMORY = 0.02  # a share of memory saved, or lost, that a sentence speaks of
TWICE = -1.0  # a share "saved" from which on as many times as much is said
_INTERVALS = (
    "A speed-up is the reference's latency over the cell's: the geometric mean over the visits of the timing pass of "
    "the ratio of their steady calls, with its 95 % interval (Student's t over visits). {turns}Seconds are the "
    "geometric mean over a cell's visits, with that interval too. Each interval stands alone; the verdicts on latency, "
    "memory and quality are adjusted by Holm over the whole run, and are in the table. "
    "What its verdict leaves open is called not settled, whatever its interval: one of many comparisons must show more "
    "than it must alone. Where the machine drifted by more than the margin, sameness is not shown, and a difference "
    "must be larger than the drift{unless}."
)
_TURNS = (
    "They are calls in turns: in the visits of a cell a second worker called its reference next to it, so that what "
    "slows the machine meets both alike. The seconds in the table are of each cell's own visits, and their quotient is "
    "not the speed-up. "
)
SAMENESS = (
    "Identical: every pixel of every picture is the reference's. Otherwise two things are said. How far pixels differ "
    "at most is known. Whether the pictures are as good is a test of every quality metric against its margin: "
    "equivalent (or better), different (one is worse by more than its margin, or the pictures cannot be compared), or "
    "not settled (it takes more prompts to tell)."
)
BREAK_EVEN = (
    "Pays after: the images after the first call that make up for a first call longer than the reference's, at the "
    "seconds saved on each; in brackets the same at the two ends of the speed-up's interval. Compile time: what the "
    "cell's own first call takes beyond a steady one, warm-up of every kind included."
)
RESIDENT = "resident memory counts what the process loads to ask for it, used or not"


def intervals_words(*, in_turns: bool) -> str:
    """What a speed-up's interval is; ``in_turns``: of calls in turns with the reference."""
    return _INTERVALS.format(turns=_TURNS if in_turns else "", unless=" unless the two were called in turns" * in_turns)


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


def speed_words(one: Audited, judged_together: int | None = None) -> str:
    """ "1.32× faster [1.28–1.36]"; that no difference was shown; or why the difference that was seen is not settled.

    ``judged_together``: comparisons of the run, with which the reason is said in short; without it is said in full.
    """
    found, margin = one.speed, within_margin(one)
    assert found is not None
    if found.value is None:
        return found.reason or "speed-up not known"
    if found.low is None or found.high is None:
        return f"{ratio_words(found)} (no interval: {found.reason})"
    if found.covers(1.0):
        return f"no faster or slower beyond the noise, {ratio_words(found)}"
    if speed_open(one) is not None:
        in_full = judged_together is None
        why = speed_open_words(one) if in_full else speed_open_in_short(one, judged_together or 0)
        return f"{ratio_words(found)} (not settled: {why})"
    if margin is not None:
        return f"{ratio_words(found)}, within the margin of {margin}"
    value, bounds = ratio_words(found).split(" ", 1)
    return f"{value} as fast {bounds}" if found.high < 1 else f"{value} faster {bounds}"


def memory_words(one: Audited) -> str:
    """ "45 % less memory (120 MiB)"; "" where it is next to nothing or nothing was shown."""
    saved = one.memory
    if saved is None or saved.share.value is None or saved.bytes.value is None:
        return ""
    open_ = memory_open(one) is not None
    shown = saved.share.low is None or not saved.share.covers(0.0)
    if saved.share.value > TWICE and (not shown or abs(saved.share.value) < SHOWN_MEMORY):
        return ""
    size = f"{mebibytes(abs(saved.bytes.value))}{' more' if saved.share.value <= TWICE else ''}"
    told = [size, *(["not settled"] if open_ or not shown else [])]
    if one.outcome == "no-op" and one.cell.memory is not None and one.cell.memory.kind == "resident-over-idle":
        told.append(RESIDENT)
    return f"{_much(saved.share.value)} ({'; '.join(told)})"


def _much(share: float) -> str:
    if share <= TWICE:
        return f"{number(1 - share, 1)}× as much memory"
    return f"{percent(abs(share), 0)} {'less' if share > 0 else 'more'} memory"


def saved_words(saved: Saved | None) -> tuple[str, ...]:
    """ "saved 12.0 MiB, 9.8 % [9.1 to 10.5 %]", "takes 1.04 MiB more, …" or "takes 5.6× as much [2.1–9.0], …"."""
    if saved is None or saved.bytes.value is None or saved.share.value is None:
        return ()
    if saved.bytes.value == 0:
        return ("as much as the reference",)
    size, share = mebibytes(abs(saved.bytes.value)), saved.share
    if saved.share.value <= TWICE:
        return (f"takes {ratio_words(_as_much(share))} as much, {size} more",)
    head = f"saved {size}" if saved.share.value > 0 else f"takes {size} more"
    return (f"{head}, {percent(abs(saved.share.value))} {_less_or_more(share)}".rstrip(),)


def _less_or_more(share: OverVisits) -> str:
    """The interval of a share saved; of one that is negative, of what is taken more."""
    less = share.value is not None and share.value > 0
    return _bounds(share.low, share.high) if less else _bounds(_minus(share.high), _minus(share.low))


def noise_of_memory(saved: Saved | None) -> str:
    """Of an A/A pair: "0.2 % less memory [−1.7 to 2.1 %]"; "" where it is the same to the byte, or not measured."""
    if saved is None or not saved.share.value:
        return ""
    less = "less" if saved.share.value > 0 else "more"
    return f"{percent(abs(saved.share.value))} {less} memory {_less_or_more(saved.share)}".rstrip()


def _minus(share: float | None) -> float | None:
    return None if share is None else -share


def _bounds(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f"[{number(100 * low, 1)} to {number(100 * high, 1)} %]"


def _as_much(share: OverVisits) -> OverVisits:
    """A share saved as how many times as much is taken; memory that nobody takes has no interval below nothing."""
    value, low, high = (None if end is None else max(1 - end, 0.0) for end in (share.value, share.high, share.low))
    return OverVisits(value, low, high, share.n, share.reason)


def pays_words(one: Audited) -> str:
    """ "pays after 210 images [180–260]"; "" where there is nothing to pay for, or no saving was seen."""
    after = one.first.pays_after
    if after is None:
        return ""
    would = speed_open(one) is not None
    if after == 0:
        return "would pay from the first image" if would else "pays from the first image"
    return f"{'would pay' if would else 'pays'} after {pays_range(one)}"


def pays_range(one: Audited) -> str:
    """ "210 images [180–260]"."""
    after, between = one.first.pays_after, one.first.pays_between
    assert after is not None
    alike = between is None or between[0] == between[1]
    return plural(after, "image") + ("" if between is None or alike else f" [{between[0]}–{between[1]}]")


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
    """ "pictures identical"; else what is known of the pixels, and what the margins say of the scores."""
    if found.sameness == "identical":
        return "pictures identical"
    if found.sameness == "inconclusive":
        why = f"; {found.reason}" if found.reason else ""
        return f"pictures {pixels_words(found)}, and whether they are as good is not settled{why}"
    why = f": {found.reason}" if found.reason else ""
    pixels = f" ({pixels_words(found)})" if found.largest is not None else ""
    return f"pictures {found.sameness}{pixels}{why}"


def pixels_words(found: Looks) -> str:
    """What is known of the pixels: "differ by at most 3 of 255"; of some pictures only, where others are gone."""
    if found.largest is None:
        return "could not be compared"
    seen = f" in the {found.n} of {found.n + found.missing} that are stored" if found.missing else ""
    return f"differ by at most {found.largest} of 255{seen}"


def sameness_word(found: Looks) -> str:
    """The verdict on the pictures in a column."""
    return "not settled" if found.sameness == "inconclusive" else found.sameness


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

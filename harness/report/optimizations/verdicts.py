"""A sentence of verdict for each cell, and one answer for each family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.optimizations.audit import Audit, Audited, Family
from harness.report.optimizations.costs import seconds_of, untimed
from harness.report.optimizations.flags import flags
from harness.report.optimizations.settled import is_faster, judged_together, memory_open, seems_faster, speed_open
from harness.report.optimizations.wording import (
    SHOWN_MEMORY,
    evidence_words,
    looks_words,
    memory_words,
    noise_of_memory,
    pays_words,
    pixels_words,
    ratio_words,
    speed_words,
)
from harness.report.text import listing, plural, seconds

_HOLD = ("identical", "equivalent")


@dataclass(frozen=True)
class FamilyAnswer:
    """What a family says. ``headline`` stands alone; ``lines``: each cell's sentence, in the family's order."""

    family: Family
    headline: str
    chosen: Audited | None
    lines: tuple[str, ...]


def answers(audit: Audit) -> tuple[FamilyAnswer, ...]:
    """One for each family, in the plan's order."""
    return tuple(_answer(audit, family) for family in audit.families)


def verdict(one: Audited) -> str:
    """A cell's sentence."""
    if one.cell.status == "failed":
        return f"{one.name}: failed, {_failure(one)}."
    if one.cell.status == "pending":
        return f"{one.name}: not made yet."
    if one.is_reference:
        return f"{one.name}: the reference, {_own_time(one)}."
    if one.reference is None or one.looks is None:
        lost = f"its reference {one.reference.label} has no result" if one.reference else "it has no reference"
        return f"{one.name}: not compared, because {lost}; {_own_time(one)}."
    return f"{one.name}: {_again(one) if one.is_again else _compared(one)}."


def _failure(one: Audited) -> str:
    failure = one.cell.failure
    return f"{failure.kind.replace('-', ' ')}: {failure.reason.rstrip('.')}" if failure else "for no recorded reason"


def _own_time(one: Audited) -> str:
    steady = seconds_of(one.cell)
    return untimed(one.cell) if steady is None else f"{seconds(steady)} for each image"


def _again(one: Audited) -> str:
    assert one.looks is not None and one.speed is not None
    speed = ratio_words(one.speed) if one.speed.value is not None else speed_words(one)
    noise = "the noise of this measurement" if one.speed.covers(1.0) else "no noise could be taken from it"
    if one.speed.low is not None and not one.speed.covers(1.0):
        noise = "more than this measurement allows for"
    parts = [speed, noise_of_memory(one.memory), looks_words(one.looks)]
    return f"the same pipeline twice: {', '.join(filter(None, parts))}: {noise}"


def _compared(one: Audited) -> str:
    assert one.looks is not None
    if one.outcome == "no-op" and len(one.proofs) == 1:
        return f"{evidence_words(one)} ({', '.join(_numbers(one))})"
    return ", ".join(filter(None, [evidence_words(one), *_numbers(one)]))


def _numbers(one: Audited) -> list[str]:
    assert one.looks is not None
    return [part for part in (speed_words(one), pays_words(one), memory_words(one), looks_words(one.looks)) if part]


def _answer(audit: Audit, family: Family) -> FamilyAnswer:
    on = [one for one in family.compared if not one.is_again and one.outcome in ("applied", None)]
    sound = [one for one in on if not flags(one)]  # their numbers are those of what was asked for
    fastest = _fastest(sound)
    speed = _fastest_words(fastest, on, judged_together(audit.view))
    parts = [speed, _least_memory(sound), _no_ops(family), _wrong(family)]
    where = f"{family.title}: " if audit.several else ""
    text = " ".join(part for part in parts if part)
    if not family.compared:
        text = _lost(family)
    lines = tuple(verdict(one) for one in family.cells)
    return FamilyAnswer(family, f"{where}{text}", fastest, lines)


def _fastest(sound: Sequence[Audited]) -> Audited | None:
    """The largest speed-up that was shown, of cells whose pictures hold."""
    return _quickest([one for one in sound if _holds(one) and is_faster(one)])


def _quickest(found: Sequence[Audited]) -> Audited | None:
    return max(found, key=lambda one: one.speed.value or 0.0 if one.speed else 0.0, default=None)


def _holds(one: Audited) -> bool:
    return one.looks is not None and one.looks.sameness in _HOLD


def _fastest_words(fastest: Audited | None, on: Sequence[Audited], judged: int) -> str:
    if fastest is not None and fastest.looks is not None:
        said = [speed_words(fastest), f"pictures {fastest.looks.sameness}", pays_words(fastest), _memory_price(fastest)]
        return f"{fastest.name} is fastest: {', '.join(filter(None, said))}."
    best = _quickest([one for one in on if is_faster(one)])
    if best is not None:
        return f"{best.name} is {speed_words(best)}, but {_but(best)}."
    likely = [one for one in on if seems_faster(one) and speed_open(one) is not None]
    if (best := _likeliest(likely)) is not None:
        return _not_settled(best, judged, among_flagged=any(flags(one) for one in likely))
    if all(one.cell.timing is None for one in on):
        return "Nothing that was applied was timed." if on else "Nothing was applied."
    return "Nothing that was applied was shown to be faster than the reference."


def _likeliest(likely: Sequence[Audited]) -> Audited | None:
    """The largest speed-up that was seen: of cells without a fault whose pictures hold, else of the next best."""
    sound = [one for one in likely if not flags(one)]
    for some in (sound, likely):
        if (best := _quickest([one for one in some if _holds(one)]) or _quickest(some)) is not None:
            return best
    return None


def _but(best: Audited) -> str:
    """Why what is faster is not recommended."""
    assert best.looks is not None
    if _holds(best):
        return "it is flagged"
    clip = " and clip" if best.looks.clips else ""
    if best.looks.sameness == "inconclusive":
        return f"its pictures {pixels_words(best.looks)}{clip}, and whether they are as good is not settled"
    return f"its pictures are {best.looks.sameness}{clip}"


def _not_settled(best: Audited, judged: int, *, among_flagged: bool) -> str:
    """The largest speed-up that an interval speaks for and no verdict."""
    assert best.looks is not None
    pictures = f"pictures {best.looks.sameness}" if _holds(best) else _but(best)
    said = [speed_words(best, judged), pictures, pays_words(best), _memory_price(best)]
    said.append("flagged" if flags(best) else "")
    seen = "seen without a fault" if among_flagged and not flags(best) else "seen"
    return f"No speed-up is settled; the largest that was {seen} is {best.name}: {', '.join(filter(None, said))}."


def _memory_price(one: Audited) -> str:
    """What its speed costs in memory; "" where that is nothing, or less."""
    return memory_words(one) if one.memory is not None and (one.memory.share.value or 0.0) < 0 else ""


def _least_memory(sound: Sequence[Audited]) -> str:
    settled = [one for one in sound if memory_open(one) is None]
    known = [one for one in settled if one.memory and (one.memory.share.value or 0.0) >= SHOWN_MEMORY]
    shown = [one for one in known if one.memory and (one.memory.share.low is None or one.memory.share.low > 0)]
    held = [one for one in shown if _holds(one)]
    if not held:
        return ""
    best = max(held, key=lambda one: one.memory.share.value or 0.0 if one.memory else 0.0)
    return f"{best.name} takes {memory_words(best)}."


def _no_ops(family: Family) -> str:
    names = [one.name for one in family.compared if one.outcome == "no-op"]
    return f"{'A no-op' if len(names) == 1 else 'No-ops'}: {listing(names, 4)}." if names else ""


def _wrong(family: Family) -> str:
    flagged = [one.name for one in family.cells if flags(one)]
    failed = [one.name for one in family.cells if one.cell.status == "failed"]
    parts = [f"Flagged: {listing(flagged, 4)}."] if flagged else []
    return " ".join([*parts, *([f"Failed: {listing(failed, 4)}."] if failed else [])])


def _lost(family: Family) -> str:
    failed = [one for one in family.cells if one.cell.status == "failed"]
    if not failed:
        return "Nothing has been compared with the reference yet."
    return f"Nothing could be compared: {plural(len(failed), 'cell')} of {len(family.cells)} failed."

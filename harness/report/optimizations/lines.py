"""The audit's tables as texts, for the page and the Markdown."""

from __future__ import annotations

import statistics

from harness.report.optimizations.audit import Audit, Audited, Family
from harness.report.optimizations.costs import Saved, over_visits, untimed
from harness.report.optimizations.ladder import ladder
from harness.report.optimizations.looks import Looks
from harness.report.optimizations.proof import AGAIN, MARKS
from harness.report.optimizations.settled import reason_of, speed_open
from harness.report.optimizations.wording import (
    RESIDENT,
    need_words,
    outcome_word,
    pays_range,
    pixels_words,
    ratio_words,
    saved_words,
)
from harness.report.sentences import margin_text
from harness.report.text import (
    VERDICT_MARKS,
    mebibytes,
    plural,
    seconds,
    seconds_span,
    three_digits,
)
from harness.report.text_table import Entry, TextTable
from harness.report.view import comparison_of
from harness.stats.ratio import OverVisits
from harness.store.measured import peak_bytes, peak_kind, replays_graphs
from harness.store.records import CellRecord, Memory

_BLANK = Entry("—")


def cost_table(audit: Audit, family: Family) -> TextTable:
    """Was it on, how fast, how much memory, and did the pictures change."""
    kinds = dict.fromkeys(kind for one in family.cells if (kind := peak_kind(one.cell)) is not None)
    memory = f"peak memory of steady calls ({', '.join(kinds)})" if kinds else "peak memory"
    head = ("stack", "was it on", "seconds for each image", "speed-up", "first call", "pays after", memory, "pictures")
    return TextTable(_title(audit, family), head, tuple(_cost_line(one) for one in family.cells))


def _title(audit: Audit, family: Family) -> str:
    return family.title if audit.several else ""


def _cost_line(one: Audited) -> tuple[Entry, ...]:
    name = Entry(f"{one.name} (reference)" if one.is_reference else one.name)
    if one.cell.status != "done":
        failure = one.cell.failure
        small = (need_words(failure), failure.do) if failure else ()
        words = failure.kind.replace("-", " ") if failure else "not made yet"
        return (name, Entry(words, tuple(filter(None, small))), *[_BLANK] * 6)
    return (
        name, _was_on(one), _seconds(one), _speed(one), _first(one), _pays(one), _memory(one), _pictures(one.looks),
    )  # fmt: skip


def _was_on(one: Audited) -> Entry:
    word = outcome_word(one)
    mark = MARKS.get(word, "")
    small = [f"{proof.requested}: {proof.outcome}" for proof in one.proofs] if len(one.proofs) > 1 else []
    return Entry(f"{mark} {word}".strip(), tuple(small))


def _seconds(one: Audited) -> Entry:
    timing, broke = one.cell.timing, one.cell.timing_failure
    if timing is None and broke is not None and broke.kind == "out-of-memory":
        return Entry("out of memory", tuple(filter(None, (need_words(broke), "while it was timed", broke.do))))
    if timing is None:
        return Entry("—", (untimed(one.cell),))
    bounds = over_visits(one.cell)
    between = (
        seconds_span(bounds.low, bounds.high) if bounds.low is not None and bounds.high is not None else "no interval"
    )
    visits = len(set(timing.round_of_call))
    size = f"{plural(len(timing.steady_s), 'call')}, {plural(visits, 'visit')}"
    disturbed = ("disturbed: see where the time goes",) if timing.disturbances else ()
    return Entry(seconds(bounds.value) if bounds.value is not None else "—", (between, size, *disturbed))


def _speed(one: Audited) -> Entry:
    if one.speed is None:
        return _BLANK
    judged = comparison_of(one.cell, "latency")
    verdict = [f"{VERDICT_MARKS[judged.verdict]} {judged.verdict}, margin {margin_text(judged)}"] if judged else []
    why = reason_of(judged) if judged and judged.reason != one.speed.reason else None
    found = _ratio(one.speed)
    return Entry(found.text, (*found.small, *filter(None, [*verdict, why])))


def _first(one: Audited) -> Entry:
    if one.first.seconds is None or one.first.compile_s is None:
        return Entry("—", (one.first.reason or "not measured",))
    beyond = f"{seconds(one.first.compile_s)} beyond" if one.first.compile_s else "no longer than"
    return Entry(seconds(one.first.seconds), (f"{beyond} a steady call",))


def _pays(one: Audited) -> Entry:
    open_ = ("its speed is not settled",) if speed_open(one) is not None else ()
    if one.first.pays_after is None:
        known = one.first.pays_reason if one.speed is None or one.speed.covers(1.0) or not open_ else open_[0]
        return Entry("—", (known,) if known and not one.is_reference else ())
    return Entry(pays_range(one) if one.first.pays_after else "from the first", open_)


def _memory(one: Audited) -> Entry:
    memory, peak = one.cell.memory, peak_bytes(one.cell)
    if memory is None or peak is None:
        return Entry("—", ("not measured",))
    judged = comparison_of(one.cell, "peak_memory")
    verdict = [f"{VERDICT_MARKS[judged.verdict]} {judged.verdict}"] if judged else []
    return Entry(mebibytes(peak), (*_beside(one.cell, memory), *saved_words(one.memory), *verdict, *_unused(one)))


def _unused(one: Audited) -> list[str]:
    """Why a no-op may take more memory and be one all the same."""
    saved, memory = one.memory, one.cell.memory
    more = saved is not None and saved.share.high is not None and saved.share.high < 0
    resident = memory is not None and memory.kind == "resident-over-idle"
    return [RESIDENT] if one.outcome == "no-op" and resident and more else []


def _beside(cell: CellRecord, memory: Memory) -> list[str]:
    """The other readings of a device's memory than the one that the cell is judged by."""
    known = {
        "allocated": memory.peak_bytes if replays_graphs(cell) else None,
        "reserved": None if replays_graphs(cell) else memory.reserved_bytes,
        "whole device": memory.used_bytes,
    }
    return [f"{name} {mebibytes(size)}" for name, size in known.items() if size is not None]


def _pictures(look: Looks | None) -> Entry:
    if look is None:
        return _BLANK
    if look.sameness == "identical":
        return Entry(look.sameness)
    if look.sameness == "inconclusive":
        return Entry(pixels_words(look), tuple(filter(None, ("as good: not settled", look.reason))))
    return Entry(look.sameness, tuple(filter(None, (pixels_words(look), look.reason))))


def stage_table(audit: Audit, family: Family) -> TextTable | None:
    """Where the seconds of one instrumented call go, and the energy; ``None`` where neither is known."""
    shown = [one for one in family.cells if _has_stages(one)]
    if not shown:
        return None
    head = ("stack", "prior", "a denoising step", "steps", "MoVQ", "warm-up", "energy for each image", "disturbances")
    return TextTable(_title(audit, family), head, tuple(_stage_line(one.cell, one) for one in shown))


def _has_stages(one: Audited) -> bool:
    timing = one.cell.timing
    return timing is not None and bool(timing.stages or timing.energy_j is not None or timing.disturbances)


def _stage_line(cell: CellRecord, one: Audited) -> tuple[Entry, ...]:
    timing = cell.timing
    assert timing is not None
    stages, energy = timing.stages, timing.energy_j
    warm = Entry(seconds(one.first.compile_s), ("first call beyond a steady one",)) if one.first.compile_s else _BLANK
    spent = (
        Entry(f"{three_digits(energy)} J") if energy is not None else Entry("—", (timing.energy_reason or "not known",))
    )
    rest = (warm, spent, Entry("; ".join(timing.disturbances) or "none seen"))
    if stages is None:
        return (Entry(one.name), *[_BLANK] * 4, *rest)
    prior = (
        Entry(seconds(stages.prior_s))
        if stages.prior_s is not None
        else Entry("—", ("inside the pipeline: in what comes before its steps",))
    )
    if not stages.steps_s:
        return (Entry(one.name), prior, _BLANK, _BLANK, Entry(seconds(stages.decode_s)), *rest)
    mean, median = statistics.mean(stages.usual_steps_s), statistics.median(stages.usual_steps_s)
    step = Entry(seconds(median), (f"median; mean {seconds(mean)}, but for the first, which a profiler slows",))
    all_ = Entry(seconds(mean * len(stages.steps_s)), (plural(len(stages.steps_s), "step"),))
    return (Entry(one.name), prior, step, all_, Entry(seconds(stages.decode_s)), *rest)


def evidence_table(audit: Audit) -> TextTable:
    """What was asked for, where, what was seen, and what was looked at."""
    head = ("where", "requested", "part", "observed", "proof", "outcome")
    lines: list[tuple[Entry, ...]] = []
    for family in audit.families:
        for one in family.cells:
            lines += _evidence_lines(f"{family.title}: {one.name}" if audit.several else one.name, one)
    return TextTable("", head, tuple(lines))


def _evidence_lines(where: str, one: Audited) -> list[tuple[Entry, ...]]:
    lines: list[tuple[Entry, ...]] = []
    for proof in one.proofs:
        if not proof.evidence and proof.requested != AGAIN:
            lines.append((Entry(where), Entry(proof.requested), _BLANK, _BLANK, _BLANK, _outcome("none recorded")))
        lines += [
            (Entry(where), Entry(e.requested), Entry(e.part), Entry(e.observed), Entry(e.proof), _outcome(e.outcome))
            for e in proof.evidence
        ]
    return lines


def _outcome(word: str) -> Entry:
    return Entry(f"{MARKS[word]} {word}")


def ladder_table(audit: Audit, family: Family) -> TextTable | None:
    """What each step adds; ``None`` where nothing stands on another step."""
    rungs = ladder(family)
    if not rungs:
        return None
    head = ("step", "added to", "this step alone", "memory of this step", "so far", "memory so far", "pictures so far")
    lines = tuple(
        (
            Entry(f"+ {rung.added}"), Entry(rung.below.name), _ratio(rung.speed), _saved(rung.memory),
            _ratio(rung.one.speed), _saved(rung.one.memory), _pictures(rung.one.looks),
        )
        for rung in rungs
    )  # fmt: skip
    return TextTable(_title(audit, family), head, lines)


def _ratio(found: OverVisits | None) -> Entry:
    if found is None:
        return _BLANK
    value, _, bounds = ratio_words(found).partition(" ")
    return Entry(value, tuple(filter(None, (bounds, found.reason))))


def _saved(saved: Saved | None) -> Entry:
    words = saved_words(saved)
    return Entry(words[0]) if words else _BLANK

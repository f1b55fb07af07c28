"""The recommendation: for each model and ground the cheapest cell that holds with its evidence, or why none."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.schedulers.sweep import JUDGED, Ground, Point, Sweep
from harness.report.schedulers.without import against_words, without
from harness.report.schedulers.wording import calls_words, evidence_words, point_words, speed_words
from harness.report.sentences import prompts_to_settle, unchanged_words
from harness.report.text import listing, seconds


@dataclass(frozen=True)
class Advice:
    """What to use on one ground. ``chosen`` is ``None`` where nothing cheaper than the reference was shown to hold.

    ``tied``: as few model calls as the chosen one and held too; the chosen one is among them.
    """

    ground: Ground
    chosen: Point | None
    tied: tuple[Point, ...]
    reference: Point | None
    sentence: str
    remarks: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """ "DDIM at 25 steps", of ties the first, or "nothing"."""
        return together(self.tied, limit=2) if self.chosen else "nothing"


@dataclass(frozen=True)
class ModelAdvice:
    """A model's recommendation: ``headline`` stands alone, then each ground's own."""

    model: str
    headline: str
    grounds: tuple[Advice, ...]


def advise(sweep: Sweep) -> tuple[ModelAdvice, ...]:
    """The recommendation for each model of the sweep, in the plan's order."""
    found = []
    for model, grounds in sweep.models.items():
        advices = tuple(_advice(sweep, ground) for ground in grounds)
        found.append(ModelAdvice(model, _headline(model, advices), advices))
    return tuple(found)


def _advice(sweep: Sweep, ground: Ground) -> Advice:
    holding = [p for p in ground.points if p.standing == "holds"]
    cheaper = [p for p in holding if p.reference is None or p.model_calls < sweep.view.model_calls(p.reference)]
    if not cheaper:
        return Advice(ground, None, (), None, without(sweep.view, ground, holding))
    least = min(p.model_calls for p in cheaper)
    tied = tuple(sorted((p for p in cheaper if p.model_calls == least), key=_by_time))
    chosen = tied[0]
    reference = _reference_point(sweep, chosen)
    remarks = (*_ties(tied), *_faster(chosen, holding), *_cheaper_and_open(ground, chosen))
    return Advice(ground, chosen, tied, reference, _use(sweep, chosen, tied, reference), remarks)


def _by_time(point: Point) -> tuple[float, int]:
    return (point.seconds if point.seconds is not None else float("inf"), point.steps)


def _reference_point(sweep: Sweep, point: Point) -> Point | None:
    found = point.reference
    known = (p for ground in sweep.grounds for p in ground.points if found and p.cell.cell_id == found.cell_id)
    return next(known, None)


def _use(sweep: Sweep, chosen: Point, tied: tuple[Point, ...], reference: Point | None) -> str:
    metrics = [metric for metric in sweep.metrics if metric in chosen.differences]
    against = point_words(reference) if reference else "the reference"
    evidence = "; ".join(evidence_words(chosen, metric) for metric in metrics)
    cost = f"{calls_words(chosen, reference)}, {speed_words(chosen, reference)}"
    advice = f"Use {together(tied)}: as good as {against} within the margin."
    return f"{advice} {point_words(chosen)}: {evidence}. {_capital(cost)}."


def together(points: tuple[Point, ...], limit: int = 8) -> str:
    """ "DDIM at 25 steps"; "DDIM or DDPM at 25 steps"; beyond ``limit`` "DDIM, DDPM or 3 more at 25 steps"."""
    by_steps: dict[int, list[str]] = {}
    for point in points:
        by_steps.setdefault(point.steps, []).append(point.cell.settings.scheduler.label)
    parts = [f"{listing(names, limit).replace(' and ', ' or ')} at {steps} steps" for steps, names in by_steps.items()]
    return " or ".join(parts)


def _ties(tied: tuple[Point, ...]) -> list[str]:
    """What sets the tied apart, if anything does."""
    if len(tied) < 2:
        return []
    same = f"{together(tied[1:])} held with as few model calls; they are not compared with each other in quality"
    if any(p.seconds is None for p in tied):
        return [f"{same}, and not all were timed: take any."]
    meeting = [other for other in tied[1:] if _overlap(tied[0], other)]
    if not meeting:
        return [f"{same}; {point_words(tied[0])} took the least time of them."]
    if len(meeting) < len(tied) - 1:
        return [f"{same}; {together((tied[0], *meeting))} took the least time, with intervals that meet."]
    return [f"{same}, and the intervals of their times meet: take any."]


def _faster(chosen: Point, holding: list[Point]) -> list[str]:
    """A cell with more model calls that was measured to be faster, beyond the intervals."""
    timed = [p for p in holding if p.seconds is not None and chosen.seconds is not None]
    quicker = [p for p in timed if _by_time(p) < _by_time(chosen) and p.model_calls > chosen.model_calls]
    sure = [p for p in quicker if not _overlap(p, chosen)]
    if not sure:
        return []
    best = min(sure, key=_by_time)
    return [
        f"Fewest seconds, not fewest calls: {point_words(best)}, {seconds(best.seconds or 0.0)} an image, holds too."
    ]


def _overlap(one: Point, other: Point) -> bool:
    """Whether the intervals of two latencies meet; without intervals nothing sets them apart."""
    mine = one.cell.timing.latency_interval if one.cell.timing else None
    theirs = other.cell.timing.latency_interval if other.cell.timing else None
    return mine is None or theirs is None or (mine.low <= theirs.high and theirs.low <= mine.high)


def _cheaper_and_open(ground: Ground, chosen: Point) -> list[str]:
    open_ = [p for p in ground.points if p.standing == "open" and p.model_calls < chosen.model_calls]
    if not open_:
        return []
    counts = sorted({p.steps for p in open_})
    return [f"Cheaper and still open: {'; '.join(_open_at(steps, open_) for steps in counts)}."]


def _open_at(steps: int, open_: list[Point]) -> str:
    """ "DDIM and DDPM at 8 steps (about 90 to 300 prompts would settle them)"."""
    needs = {p.cell.settings.scheduler.label: prompts_to_settle(p.cell) for p in open_ if p.steps == steps}
    names = listing(list(needs), 3)
    known = sorted(need for need in needs.values() if need)
    if not known:
        return f"{names} at {steps} steps"
    so = unchanged_words([p.cell for p in open_ if p.steps == steps])
    span = str(known[0]) if known[0] == known[-1] else f"{known[0]} to {known[-1]}"
    unknown = [name for name, need in needs.items() if not need]
    if not unknown:
        them = "it" if len(needs) == 1 else "them"
        return f"{names} at {steps} steps (about {span} prompts would settle {them}{so})"
    told = listing([name for name, need in needs.items() if need], 3)
    rest = f"for {listing(unknown, 3)} no number is known"
    return f"{names} at {steps} steps (about {span} prompts would settle {told}{so}; {rest})"


def _headline(model: str, advices: tuple[Advice, ...]) -> str:
    """One sentence for the model, whatever the number of grounds."""
    found = [a for a in advices if a.chosen]
    against = against_words(advices[0].ground)
    if not found:
        if not any(p.standing in JUDGED for a in advices for p in a.ground.points):
            return f"{model}: nothing has been compared with {against} yet."
        return f"{model}: nothing with fewer model calls was shown to be as good as {against}."
    groups: dict[str, list[Advice]] = {}
    for advice in found:
        groups.setdefault(advice.short, []).append(advice)
    none = [a.ground.title for a in advices if not a.chosen]
    rest = f"; nothing at {listing(none)}" if none else ""
    if len(groups) == 1:
        short, of = next(iter(groups.items()))
        return f"{model}: {short} is as good as {against}{_saving(found)}{_where(of, ', at ')}{rest}."
    parts = [f"{short}{_where(of, ' at ')}" for short, of in groups.items()]
    return f"{model}: {'; '.join(parts)}{rest}: as good as {against}{_saving(found)}."


def _where(of: list[Advice], before: str) -> str:
    """ ", at guidance 2 and guidance 4"; nothing where nothing else is swept."""
    titles = [advice.ground.title for advice in of if advice.ground.title]
    return f"{before}{listing(titles)}" if titles else ""


def _saving(found: list[Advice]) -> str:
    """With how many model calls instead of how many, where that is one pair of numbers."""
    pairs = {(a.chosen.model_calls, a.reference.model_calls) for a in found if a.chosen and a.reference}
    if len(pairs) != 1:
        return " with fewer model calls"
    mine, theirs = next(iter(pairs))
    return f" with {mine} model calls instead of {theirs}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

"""What the votes come to as tables and sentences: the terminal and the Markdown say the same."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.judge.types import Accord, Judgement, Person, Rate, SideBias, Standings
from harness.report.text import number, percent, plural, seconds
from harness.report.text_table import Entry, TextTable

_RATES = (
    "preferred",
    "to",
    "rate",
    "interval [95 %]",
    "pairs",
    "prompts",
    "won, tied, lost",
    "p (adjusted)",
    "verdict",
)
_OVERALL = ("cell", "rate against whom it met", "interval [95 %]", "pairs", "prompts", "won, tied, lost")
_STANDINGS = ("cell", "strength", "interval [95 %]", "chance against the average")


def headline(found: Judgement) -> str:
    """The whole in a sentence, and how steady the answers are that it rests on."""
    return " ".join(filter(None, (_outcome(found), _steadiness(found))))


def _steadiness(found: Judgement) -> str:
    """ "Steady: 9 of 10 repeated pairs got the same answer."; an answer turned round says that a side was chosen."""
    repeated, same = sum(one.repeated for one in found.people), sum(one.same for one in found.people)
    if not any(one.votes for one in found.people):
        return ""
    if not repeated:
        return "How steady the answers are is not known: no pair was judged twice."
    return f"Asked again with swapped sides, {same} of {plural(repeated, 'pair')} got the same answer."


def _outcome(found: Judgement) -> str:
    called = [rate for rate in found.rates if rate.preferred is not None]
    if not found.rates:
        return "No pair was judged: the files hold no vote that counts."
    if len(found.rates) == 1:
        rate = found.rates[0]
        if rate.preferred is None:
            return f"Undecided between {rate.cell} and {rate.other}: {_rate_words(rate)}."
        return f"{rate.preferred} is preferred to {_loser(rate)}: {_rate_words(rate)}."
    count = plural(len(found.rates), "comparison")
    return f"{len(called)} of {count} of two cells are decided, after Holm's adjustment at 5 %."


def _loser(rate: Rate) -> str:
    return rate.other or "" if rate.preferred == rate.cell else rate.cell


def _rate_words(rate: Rate) -> str:
    value = rate.value or 0.0
    low, high = rate.low, rate.high
    if rate.preferred == rate.other:
        value, low, high = (
            1 - value,
            None if rate.high is None else 1 - rate.high,
            None if rate.low is None else 1 - rate.low,
        )
    bounds = "" if low is None or high is None else f" ({percent(low)} to {percent(high)})"
    whose = "" if rate.preferred is not None else f" for {rate.cell}"
    return f"{percent(value)}{bounds}{whose} over {plural(rate.prompts, 'prompt')}"


def tables(found: Judgement) -> Iterator[TextTable]:
    """All tables, those that have something in them."""
    if found.rates:
        yield TextTable("Two cells at a time", _RATES, tuple(_line(rate) for rate in found.rates))
    if found.overall and found.overall[0].other is not None:
        yield TextTable("All cells together", _RATES, tuple(_line(rate) for rate in found.overall))
    elif found.overall:
        yield TextTable("Each cell", _OVERALL, tuple(_overall(rate) for rate in found.overall))
    if found.standings is not None and found.standings.standings is not None:
        yield TextTable("Strengths (Bradley–Terry, log odds over the average)", _STANDINGS, _strengths(found.standings))


def _line(rate: Rate) -> tuple[Entry, ...]:
    verdict = f"{rate.preferred} preferred" if rate.preferred is not None else "undecided"
    texts = (rate.cell, rate.other or "", *_numbers(rate), _p(rate), verdict)
    return tuple(Entry(text) for text in texts)


def _overall(rate: Rate) -> tuple[Entry, ...]:
    return tuple(Entry(text) for text in (rate.cell, *_numbers(rate)))


def _numbers(rate: Rate) -> tuple[str, ...]:
    bounds = (
        (rate.reason or "—")
        if rate.low is None or rate.high is None
        else f"{percent(rate.low)} to {percent(rate.high)}"
    )
    value = "—" if rate.value is None else percent(rate.value)
    return value, bounds, str(rate.pairs), str(rate.prompts), f"{rate.wins}, {rate.ties}, {rate.losses}"


def _p(rate: Rate) -> str:
    if rate.p is None or rate.p_adjusted is None:
        return "—"
    return f"{_short(rate.p)} ({_short(rate.p_adjusted)})"


def _short(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _strengths(found: Standings) -> tuple[tuple[Entry, ...], ...]:
    lines = []
    for one in found.standings or ():
        bounds = "—" if one.low is None or one.high is None else _span(one.low, one.high)
        lines.append(tuple(map(Entry, (one.cell, number(one.strength, 2, sign=True), bounds, percent(one.chance)))))
    return tuple(lines)


def _span(low: float, high: float) -> str:
    return f"{number(low, 2, sign=True)} to {number(high, 2, sign=True)}"


def remarks(found: Judgement) -> list[str]:
    """How far the votes can be trusted, and what else is to be known."""
    standings = found.standings
    lines = [_person(person) for person in found.people]
    lines += [_side(found.side)]
    lines += [_accord(found.accord)] if found.accord is not None else []
    if standings is not None and standings.reason is not None:
        what = "No strengths" if standings.standings is None else "Strengths without intervals"
        lines.append(f"{what}: {standings.reason}.")
    return [*lines, *(f"{note[:1].upper()}{note[1:]}." for note in found.notes)]


def _person(one: Person) -> str:
    votes = f"{one.votes} of {plural(one.asked, 'pair')}: left {one.left}, right {one.right}, no difference {one.ties}"
    took = f"; {seconds(one.median_s)} a pair in the middle" if one.median_s else ""
    if not one.repeated:
        return (
            f"{one.name}: {votes}{took}; no pair was judged twice, so nothing is known of how steady the answers are."
        )
    steady = f"{one.same} of {plural(one.repeated, 'repeated pair')} with swapped sides got the same answer"
    turned = f", {one.opposite} the opposite one" if one.opposite else ""
    return f"{one.name}: {votes}{took}; {steady}{turned}."


def _side(side: SideBias) -> str:
    if side.value is None:
        return "Side: no vote was decided."
    told = f"Side: left in {side.lefts} of {plural(side.decided, 'decided vote')}, {percent(side.value)} over prompts"
    if side.low is None or side.high is None:
        return f"{told} ({side.reason})."
    leans = side.low > 0.5 or side.high < 0.5
    says = "a habit, which makes rates less sharp but favours nobody" if leans else "no habit is seen"
    return f"{told} ({percent(side.low)} to {percent(side.high)}): {says}."


def _accord(accord: Accord) -> str:
    if not accord.comparisons:
        return f"Agreement: {accord.reason}."
    alpha = (
        f"Krippendorff's alpha {number(accord.alpha, 2)}" if accord.alpha is not None else f"no alpha: {accord.reason}"
    )
    share = f"{accord.same} of {plural(accord.comparisons, 'comparison')} of two voters"
    return f"Agreement: {share} gave the same answer, on {plural(accord.pairs, 'pair')}; {alpha}."

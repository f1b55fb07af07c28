"""Votes and the key → rates, standings, and how far the votes can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from harness.compare.judge.ballots import Poll
from harness.compare.judge.types import (
    Accord,
    Choice,
    Judgement,
    Key,
    Pair,
    Person,
    Rate,
    SideBias,
    Standing,
    Standings,
)
from harness.report.text import listing
from harness.stats.agreement import agreement
from harness.stats.bradley_terry import Contest, Ranking, bradley_terry
from harness.stats.holm import holm
from harness.stats.intervals import Estimate
from harness.stats.preference import preference_rate, sign_test

LEVEL, ALPHA = 0.95, 0.05
_LEFT: dict[Choice, float] = {"left": 1.0, "tie": 0.5, "right": 0.0}


@dataclass(frozen=True)
class Seen:
    """A pair with the mean of its votes: the share of the preference that ``first`` had, the smaller number."""

    first: int
    second: int
    share: float
    prompt: str


def judgement(key: Key, polls: Sequence[Poll], notes: Sequence[str] = ()) -> Judgement:
    """What the votes come to.

    Every pair counts once, however many people judged it; repeats count for nobody, they tell how steady a person is.
    """
    seen = [found for pair in key.pairs if (found := _seen(pair, polls)) is not None]
    return Judgement(
        page=key.page,
        run_id=key.run_id,
        question=key.question,
        seed=key.seed,
        contestants=key.contestants,
        rates=tuple(_rates(key, seen)),
        overall=tuple(_overall(key, seen)) if len(key.contestants) > 2 else (),
        standings=_standings(key, seen) if len(key.contestants) > 2 else None,
        people=tuple(_person(key, poll) for poll in polls),
        side=_side(key, polls),
        accord=_accord(key, polls) if len(polls) > 1 else None,
        notes=(*key.notes, *notes, *_unfinished(key, polls)),
    )


def _seen(pair: Pair, polls: Sequence[Poll]) -> Seen | None:
    """``None`` of a repeat, and of what nobody judged."""
    lefts = [_LEFT[choice] for poll in polls if (choice := poll.choice(pair.id)) is not None]
    if pair.repeats is not None or not lefts:
        return None
    share = fmean(lefts) if pair.left < pair.right else 1 - fmean(lefts)
    return Seen(min(pair.left, pair.right), max(pair.left, pair.right), share, pair.prompt_id)


def _rates(key: Key, seen: Sequence[Seen]) -> list[Rate]:
    """Of every two cells that met, in the order of the contestants."""
    met: dict[tuple[int, int], list[Seen]] = {}
    for one in seen:
        met.setdefault((one.first, one.second), []).append(one)
    rates = [_rate(key, i, j, [(one.share, one.prompt) for one in met[i, j]]) for i, j in sorted(met)]
    adjusted = iter(holm([rate.p for rate in rates if rate.p is not None]))
    return [_called(rate, next(adjusted) if rate.p is not None else None) for rate in rates]


def _called(rate: Rate, p_adjusted: float | None) -> Rate:
    """With who is preferred, if the sign test over prompts says so after Holm's adjustment and the rate agrees.

    Many prompts a little for the one and few wholly for the other: most prompts say this, the mean says that.
    """
    lean = rate.prompts_won - rate.prompts_lost
    agree = rate.value is not None and lean * round(rate.value - 0.5, 9) > 0
    settled = p_adjusted is not None and p_adjusted <= ALPHA and agree
    better = rate.cell if lean > 0 else rate.other
    return rate.model_copy(update={"p_adjusted": p_adjusted, "preferred": better if settled else None})


def _overall(key: Key, seen: Sequence[Seen]) -> list[Rate]:
    """Of every cell against whomever it met; of two runs, of all cells of the one against those of the other."""
    found = []
    runs = {who.run_id for who in key.contestants}
    if len(runs) > 1:
        whole = _rate(key, 0, 1, [(one.share, one.prompt) for one in seen])
        names = {"cell": f"all cells of {key.contestants[0].run_id}", "other": f"those of {key.contestants[1].run_id}"}
        return [_called(whole.model_copy(update=names), whole.p)] if seen else []
    for place in range(len(key.contestants)):
        won = [(one.share, one.prompt) for one in seen if one.first == place]
        won += [(1 - one.share, one.prompt) for one in seen if one.second == place]
        if won:
            found.append(_rate(key, place, None, won))
    return found


def _rate(key: Key, cell: int, other: int | None, votes: list[tuple[float, str]]) -> Rate:
    shares, prompts = [share for share, _ in votes], [prompt for _, prompt in votes]
    found, signs = preference_rate(shares, prompts, level=LEVEL), sign_test(shares, prompts)
    return Rate(
        cell=key.contestants[cell].label,
        other=None if other is None else key.contestants[other].label,
        **_ends(found),
        level=LEVEL,
        method=found.method,
        pairs=len(votes),
        prompts=found.n_clusters,
        wins=sum(share > 0.5 for share in shares),
        losses=sum(share < 0.5 for share in shares),
        ties=sum(share == 0.5 for share in shares),
        prompts_won=signs.wins,
        prompts_lost=signs.losses,
        p=signs.p if other is not None else None,
        reason=found.reason,
    )


def _ends(found: Estimate) -> dict[str, float | None]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _standings(key: Key, seen: Sequence[Seen]) -> Standings:
    contests = [Contest(one.first, one.second, one.share, one.prompt) for one in seen]
    found = bradley_terry(contests, len(key.contestants), level=LEVEL)
    if found.strengths is None:
        return Standings(standings=None, level=LEVEL, n=found.n, reason=_why_none(key, found))
    standings = [
        Standing(cell=who.label, strength=one.value, low=one.low, high=one.high, chance=one.chance)
        for who, one in zip(key.contestants, found.strengths, strict=True)
    ]
    ranked = tuple(sorted(standings, key=lambda one: -one.strength))
    return Standings(standings=ranked, level=LEVEL, n=found.n, reason=found.reason)


def _why_none(key: Key, found: Ranking) -> str:
    groups = [listing([key.contestants[place].label for place in group]) for group in found.apart]
    return f"{found.reason}{': ' if groups else ''}{' | '.join(groups)}"


def _person(key: Key, poll: Poll) -> Person:
    counts = Counter(vote.choice for vote in poll.votes.values())
    again = [(poll.choice(pair.repeats), poll.choice(pair.id)) for pair in key.pairs if pair.repeats is not None]
    both = [(first, second) for first, second in again if first is not None and second is not None]
    seconds = [vote.seconds for vote in poll.votes.values() if vote.seconds is not None]
    return Person(
        name=poll.voter.words,
        votes=len(poll.votes),
        asked=len(key.pairs),
        left=counts["left"],
        right=counts["right"],
        ties=counts["tie"],
        repeated=len(both),
        same=sum(_LEFT[first] == 1 - _LEFT[second] for first, second in both),
        opposite=sum(first == second != "tie" for first, second in both),
        median_s=median(seconds) if seconds else None,
    )


def _side(key: Key, polls: Sequence[Poll]) -> SideBias:
    """Over all votes, repeats too: a side is a side. The prompt is the unit."""
    prompts = {pair.id: pair.prompt_id for pair in key.pairs}
    votes = [(vote.choice, prompts[name]) for poll in polls for name, vote in poll.votes.items()]
    decided = [(_LEFT[choice], prompt) for choice, prompt in votes if choice != "tie"]
    lefts, clusters = [left for left, _ in decided], [prompt for _, prompt in decided]
    found = preference_rate(lefts, clusters, level=LEVEL)
    p = sign_test(lefts, clusters).p
    count = round(sum(lefts))
    return SideBias(**_ends(found), lefts=count, decided=len(decided), p=p, reason=found.reason)


def _accord(key: Key, polls: Sequence[Poll]) -> Accord:
    answers = [[choice for poll in polls if (choice := poll.choice(pair.id)) is not None] for pair in key.pairs]
    found = agreement(answers)
    return Accord(pairs=found.things, comparisons=found.n, same=found.same, alpha=found.alpha, reason=found.reason)


def _unfinished(key: Key, polls: Sequence[Poll]) -> list[str]:
    return [
        f"{poll.voter.words} judged {len(poll.votes)} of {len(key.pairs)} pairs"
        for poll in polls
        if len(poll.votes) < len(key.pairs)
    ]

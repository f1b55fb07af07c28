"""Several files of votes → one answer of each person on each pair, with what was there twice told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.compare.judge.types import Ballot, Choice, Vote, Voter
from harness.report.text import plural


@dataclass
class Poll:
    """One person's votes: pair's id → the one that counts."""

    voter: Voter
    votes: dict[str, Vote] = field(default_factory=dict)

    def choice(self, pair: str) -> Choice | None:
        """The answer on a pair, if there is one."""
        found = self.votes.get(pair)
        return found.choice if found is not None else None


def gathered(ballots: Sequence[Ballot]) -> tuple[list[Poll], list[str]]:
    """Each person's votes, in the order of the files; notes on files without a vote, and on duplicates.

    Of a person's votes on one pair the one saved last counts.
    """
    empty = [f"no vote is in {ballot.file}, which {ballot.voter.words} saved" for ballot in ballots if not ballot.votes]
    polls: dict[str, Poll] = {}
    doubles: dict[str, list[bool]] = {}
    for ballot in sorted(ballots, key=lambda one: one.saved_ms):
        poll = polls.setdefault(ballot.voter.id, Poll(ballot.voter))
        poll.voter = ballot.voter
        for vote in ballot.votes:
            earlier = poll.choice(vote.pair)
            if earlier is not None:
                doubles.setdefault(ballot.voter.id, []).append(earlier != vote.choice)
            poll.votes[vote.pair] = vote
    order = dict.fromkeys(ballot.voter.id for ballot in ballots)
    twice = [_told(polls[voter].voter, found) for voter, found in doubles.items()]
    return [polls[voter] for voter in order], [*empty, *twice]


def _told(voter: Voter, changed: list[bool]) -> str:
    otherwise = f"{sum(changed)} of them otherwise" if any(changed) else "all alike"
    return f"{voter.words} voted twice on {plural(len(changed), 'pair')}, {otherwise}: the vote saved last counts"

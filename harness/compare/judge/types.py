"""The key of a page (who is who), the votes of a person, and what votes come to."""

from __future__ import annotations

from typing import Any, Final, Literal

from harness.base import Frozen

KEY_FORMAT: Final = "kandinsky-harness judge key"
VOTES_FORMAT: Final = "kandinsky-harness votes"
VERSION: Final = 1
QUESTION = "Which picture is better: truer to the text, and better made?"

Choice = Literal["left", "right", "tie"]


class Contestant(Frozen):
    """A cell whose pictures are judged; ``label`` is its own among the others."""

    label: str
    run_id: str
    cell_id: str


class Pair(Frozen):
    """One pair as the page shows it: contestants by number. ``repeats``: the pair shown before, sides swapped."""

    id: str
    left: int
    right: int
    prompt_id: str
    prompt: str
    seed: int
    repeats: str | None = None


class Key(Frozen):
    """All that the page does not say. ``pairs`` are in the order shown; ``seed`` made sides and order."""

    format: Literal["kandinsky-harness judge key"] = KEY_FORMAT
    version: Literal[1] = VERSION
    page: str
    run_id: str
    question: str
    seed: int
    contestants: tuple[Contestant, ...]
    pairs: tuple[Pair, ...]
    identical: tuple[tuple[int, int], ...] = ()  # pairs of contestants with the same pixels: not shown, not counted
    notes: tuple[str, ...] = ()


class Voter(Frozen):
    """Who voted: a random id that the page made, and a name if one was typed."""

    id: str
    name: str = ""

    @property
    def words(self) -> str:
        """How the person is called in a sentence."""
        return self.name or f"voter {self.id[:4]}"


class Vote(Frozen):
    """One answer, by the sides that were seen."""

    pair: str
    choice: Choice
    seconds: float | None = None


class Ballot(Frozen):
    """A checked file of votes."""

    file: str
    page: str
    voter: Voter
    saved_ms: int
    votes: tuple[Vote, ...]


class Rate(Frozen):
    """How often ``cell`` was preferred to ``other`` (``None``: to whomever it met), ties half, over prompts.

    ``wins`` and so on count pairs that were decided so by the mean of their votes. ``p``: sign test over prompts, of
    which ``prompts_won`` leaned to ``cell`` and ``prompts_lost`` away from it; ``p_adjusted`` Holm's over all pairs of
    cells. Without an interval ``reason`` says why.
    """

    cell: str
    other: str | None
    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    pairs: int
    prompts: int
    wins: int
    losses: int
    ties: int
    prompts_won: int = 0
    prompts_lost: int = 0
    p: float | None = None
    p_adjusted: float | None = None
    preferred: str | None = None
    reason: str | None = None


class Standing(Frozen):
    """A cell's Bradley–Terry strength, log odds over the average; ``chance``: of being preferred to the average."""

    cell: str
    strength: float
    low: float | None
    high: float | None
    chance: float


class Standings(Frozen):
    """The fit over all cells; ``standings`` is ``None`` with its ``reason``."""

    standings: tuple[Standing, ...] | None
    level: float
    n: int
    reason: str | None = None


class Person(Frozen):
    """What one voter did. ``same`` of ``repeated`` pairs got the same answer when shown again with swapped sides."""

    name: str
    votes: int
    asked: int
    left: int
    right: int
    ties: int
    repeated: int
    same: int
    opposite: int
    median_s: float | None


class SideBias(Frozen):
    """The share of *left* among decided votes, averaged by prompt, with its interval; half is no bias."""

    value: float | None
    low: float | None
    high: float | None
    lefts: int
    decided: int
    p: float | None
    reason: str | None = None


class Accord(Frozen):
    """Agreement between voters on pairs that several judged; ``alpha`` is Krippendorff's, ``None`` with a reason."""

    pairs: int
    comparisons: int
    same: int
    alpha: float | None
    reason: str | None = None


class Judgement(Frozen):
    """What the votes come to."""

    schema_version: int = 1
    page: str
    run_id: str
    question: str
    seed: int
    contestants: tuple[Contestant, ...]
    rates: tuple[Rate, ...]
    overall: tuple[Rate, ...] = ()
    standings: Standings | None = None
    people: tuple[Person, ...]
    side: SideBias
    accord: Accord | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return self.model_dump(mode="json")

"""Was it on? What the evidence says of each optimization that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.store.records import CellRecord, Evidence, Outcome

Word = Literal["applied", "no-op", "partly", "failed", "none recorded"]
MARKS: dict[str, str] = {"applied": "✓", "no-op": "∅", "partly": "◐", "failed": "✗", "none recorded": "?"}
AGAIN = "again"  # the same pipeline once more: nothing is asked for
WORST_FIRST: tuple[Word, ...] = ("failed", "none recorded", "partly", "no-op", "applied")
_IN_ONE_PART: tuple[Outcome, ...] = ("failed", "no-op", "partly", "applied")


@dataclass(frozen=True)
class Proof:
    """One requested optimization: the outcome over all its parts, and the evidence it rests on.

    Each part counts with its worst evidence, of the pipeline that made the pictures and of the timed one. Parts that
    differ make it ``partly``; a part where it failed makes it ``failed``.
    """

    requested: str
    outcome: Word
    evidence: tuple[Evidence, ...]

    @property
    def observed(self) -> str:
        """What was seen where the outcome was decided; "" without evidence."""
        telling = [e for e in self.evidence if e.outcome != "applied"] or list(self.evidence)
        worst = [e for e in telling if e.outcome == self.outcome] or telling
        return "; ".join(dict.fromkeys(text for looks in by_part(worst).values() for text in looks))


def proofs(cell: CellRecord) -> tuple[Proof, ...]:
    """The proof of every optimization of a cell's stack, in its order, then of whatever else was looked at."""
    found = [*cell.evidence, *(cell.timing.evidence if cell.timing else [])]
    asked = [choice.label for choice in cell.settings.optimizations]
    names = dict.fromkeys([*asked, *(e.requested for e in found)])
    return tuple(_proof(name, [e for e in found if e.requested == name]) for name in names)


def _proof(name: str, evidence: Sequence[Evidence]) -> Proof:
    once = tuple(dict.fromkeys(evidence_key(e) for e in evidence))
    kept = tuple(next(e for e in evidence if evidence_key(e) == key) for key in once)
    return Proof(name, _outcome(evidence), kept)


def evidence_key(evidence: Evidence) -> tuple[str, str, str, str]:
    """What makes two pieces of evidence one: the quality pass and the timing pass mostly see the same."""
    return evidence.part, evidence.observed, evidence.proof, evidence.outcome


def _outcome(evidence: Sequence[Evidence]) -> Word:
    parts: dict[str, Outcome] = {}
    for one in evidence:
        parts[one.part] = min(parts.get(one.part, one.outcome), one.outcome, key=_IN_ONE_PART.index)
    outcomes = set(parts.values())
    if not outcomes:
        return "none recorded"
    if "failed" in outcomes:
        return "failed"
    return next(iter(outcomes)) if len(outcomes) == 1 else "partly"


def by_part(evidence: Sequence[Evidence]) -> dict[str, list[str]]:
    """Part → what was seen of it, each look once, less what a later look at it repeats and adds to."""
    found: dict[str, dict[str, None]] = {}
    for one in evidence:
        found.setdefault(one.part, {})[one.observed.rstrip(".")] = None
    return {
        part: [one for one in looks if not any(other.startswith(f"{one};") for other in looks)]
        for part, looks in found.items()
    }


def overall(found: Sequence[Proof]) -> Word | None:
    """A whole stack in a word: "partly" where some are on and some are no-ops; ``None`` where nothing was asked for."""
    words = [proof.outcome for proof in found if proof.requested != AGAIN]
    if not words:
        return None
    bad = min(words, key=WORST_FIRST.index)
    return bad if bad in ("failed", "none recorded", "partly") or len(set(words)) == 1 else "partly"

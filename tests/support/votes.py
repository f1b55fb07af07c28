"""Votes as a page saves them, of a voter who answers by a rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from harness.compare.judge.types import VERSION, VOTES_FORMAT, Choice, Key, Pair


def save_votes(
    file: Path, key: Key, answer: Callable[[Pair], Choice | None], *, voter: int = 0, name: str = "", saved_ms: int = 1
) -> Path:
    """Write the file; ``answer`` gives ``None`` for a pair that was not judged."""
    given = [(pair, answer(pair)) for pair in key.pairs]
    votes = [{"pair": pair.id, "choice": choice, "seconds": 2.0} for pair, choice in given if choice is not None]
    head = {"format": VOTES_FORMAT, "version": VERSION, "page": key.page,
            "voter": {"id": f"{voter:016x}", "name": name}, "saved_ms": saved_ms}  # fmt: skip
    lines = ",\n".join(map(json.dumps, votes))
    file.write_text(f'{json.dumps(head)[:-1]},"votes":[\n{lines}\n]}}\n', encoding="utf-8")
    return file


def prefers(better: int) -> Callable[[Pair], Choice]:
    """A voter who always prefers one contestant, and else the smaller number."""

    def answer(pair: Pair) -> Choice:
        wanted = better if better in (pair.left, pair.right) else min(pair.left, pair.right)
        return "left" if pair.left == wanted else "right"

    return answer

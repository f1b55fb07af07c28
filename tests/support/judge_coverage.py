"""How often the intervals of `harness judge` hold the truth, by simulated voters: the table in docs/judge.md.

``python -m tests.support.judge_coverage [--replications 4000]`` simulates and writes the table between its markers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import binom

from harness.stats.bradley_terry import Contest, bradley_terry
from harness.stats.preference import preference_rate, sign_test

PAGE = Path(__file__).parents[2] / "docs" / "judge.md"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
PROMPTS = (8, 16, 32, 128)
LEAST_COVERED, ALPHA = 0.92, 0.05  # the page's bars
_CHANCE = 0.001  # of a table that fails by chance alone
STRENGTHS = np.array([0.8, 0.2, -0.2, -0.8])


@dataclass(frozen=True)
class Voters:
    """How a prompt's votes come about; ``alike``: the chance that all seeds of a prompt get one and the same answer."""

    words: str
    better: float  # chance of the first among decided votes
    ties: float = 0.0
    seeds: int = 1
    alike: float = 0.0

    @property
    def rate(self) -> float:
        """The true rate, ties half."""
        return self.ties / 2 + (1 - self.ties) * self.better

    def draw(self, rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        """Votes and the prompt of each, ``(prompts * seeds,)``."""
        size = (prompts, self.seeds)
        votes = np.where(rng.random(size) < self.ties, 0.5, rng.random(size) < self.better)
        same = rng.random(prompts) < self.alike
        votes[same] = votes[same, :1]
        return votes.ravel(), np.repeat(np.arange(prompts), self.seeds)


CASES = (
    Voters("no preference", 0.5),
    Voters("no preference, half ties", 0.5, ties=0.5),
    Voters("no preference, nine of ten ties", 0.5, ties=0.9),
    Voters("seven of ten, some ties", 0.7, ties=0.2),
    Voters("nine of ten", 0.9),
    Voters("nine of ten, some ties", 0.9, ties=0.3),
    Voters("six of ten, four seeds, prompts differ", 0.6, ties=0.2, seeds=4, alike=0.5),
    Voters("eight of ten, two seeds, prompts differ", 0.8, ties=0.3, seeds=2, alike=0.5),
)


@dataclass(frozen=True)
class Row:
    """One line: the share of intervals that hold the truth, and of false preferences where there is none."""

    words: str
    prompts: int
    covered: float
    false: float | None


def rate_rows(replications: int, prompts: tuple[int, ...] = PROMPTS) -> Iterator[Row]:
    """The rate's interval and the sign test."""
    rng = np.random.default_rng(20261127)
    for case in CASES:
        for n in prompts:
            drawn = [case.draw(rng, n) for _ in range(replications)]
            found = [preference_rate(*one) for one in drawn]
            held = np.mean([_holds(one.low, one.high, case.rate) for one in found])
            false = [p is not None and p <= 0.05 for p in (sign_test(*one).p for one in drawn)]
            yield Row(case.words, n, float(held), float(np.mean(false)) if case.rate == 0.5 else None)


def strength_rows(replications: int, prompts: tuple[int, ...] = PROMPTS) -> Iterator[Row]:
    """Bradley–Terry's intervals: four cells, each two on every prompt with two seeds, half of the prompts alike."""
    rng = np.random.default_rng(20261128)
    for n in prompts:
        held: list[bool] = []
        without = 0
        for _ in range(replications):
            found = bradley_terry(_contests(rng, n), len(STRENGTHS))
            without += found.strengths is None
            for one, truth in zip(found.strengths or (), STRENGTHS, strict=False):
                held.append(_holds(one.low, one.high, float(truth)))
        note = f"; no finite fit in {without / replications:.1%}" if without else ""
        yield Row(f"strengths of four cells{note}", n, float(np.mean(held)), None)


def _contests(rng: np.random.Generator, prompts: int) -> list[Contest]:
    found = []
    for prompt in range(prompts):
        alike = rng.random() < 0.5
        for i, j in combinations(range(len(STRENGTHS)), 2):
            won = rng.random(2) < expit(STRENGTHS[i] - STRENGTHS[j])
            found += [Contest(i, j, float(won[0 if alike else seed]), prompt) for seed in range(2)]
    return found


def _holds(low: float | None, high: float | None, truth: float) -> bool:
    return low is not None and high is not None and low <= truth <= high


def table(rows: list[Row], replications: int, of_strengths: int) -> str:
    """The table in Markdown with what gave it."""
    lines = ["| voters | prompts | 95 % intervals that hold the truth | a preference called where there is none |",
             "| --- | ---: | ---: | ---: |"]  # fmt: skip
    for row in rows:
        false = "" if row.false is None else f"{row.false:.1%}"
        lines.append(f"| {row.words} | {row.prompts} | {row.covered:.1%} | {false} |")
    command = f"python -m tests.support.judge_coverage --replications {replications}"
    return "\n".join(
        [*lines, "", f"{replications} replications a line, {of_strengths} of strengths; written by `{command}`."]
    )


def failings(rows: Sequence[Row], replications: int) -> list[str]:
    """Where the page's bars are not met, a sentence each.

    Intervals hold the truth in ``LEAST_COVERED`` at least; wider ones are told by the table and are no fault. A
    preference is called where there is none in no more than 5 %, beyond which chance leads once in a thousand tables.
    """
    calls = sum(row.false is not None for row in rows)
    most = float(binom.ppf(1 - _CHANCE / max(calls, 1), replications, ALPHA)) / replications
    narrow = [f"{row.words}, {row.prompts} prompts: {row.covered:.1%} of the intervals hold the truth, "
              f"expected at least {LEAST_COVERED:.0%}" for row in rows if not row.covered >= LEAST_COVERED]  # fmt: skip
    false = [f"{row.words}, {row.prompts} prompts: a preference is called in {row.false:.1%} where there is none, "
             f"expected at most {most:.1%}"
             for row in rows if row.false is not None and not row.false <= most]  # fmt: skip
    return [*narrow, *false]


def main() -> int:
    """Simulate and write; 1 where the page's bars are not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=4000)
    asked = parser.parse_args()
    of_strengths = max(200, asked.replications // 8)
    rows = [*rate_rows(asked.replications), *strength_rows(of_strengths)]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n{table(rows, asked.replications, of_strengths)}\n{END}{after}"
    PAGE.write_text(text, encoding="utf-8")
    wrong = failings(rows, asked.replications)
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

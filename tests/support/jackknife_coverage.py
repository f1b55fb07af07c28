"""How often the intervals of whole sets hold, by simulated sets of pictures: the table in docs/reference-sets.md.

``PYTHONPATH=tests python -m support.jackknife_coverage [--draws 2000]`` simulates and writes the table between its
markers. The numbers and the intervals are those of a run: ``harness.run.aggregate`` makes them. It leaves with 1 where
intervals clearly hold less often than 92 % or more often than 98 %, and are not known to.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from support.statistics_simulations import rate

from harness.catalog.metrics import METRICS
from harness.catalog.weights import WEIGHTS
from harness.run.aggregate import scored
from harness.run.aggregate_sets import RECALL_PROMPTS, array_of
from harness.run.aggregated import LEVEL, Gathered
from harness.score.reference_set import Reference
from harness.store.records import Score

PAGE = Path(__file__).parents[2] / "docs" / "reference-sets.md"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
DIMENSION, REFERENCE, SIZES, SEED = 16, 300, (32, 64), 20261127
OF_SETS = ("frechet", "kid", "cmmd_unbiased", "precision", "recall", "density", "coverage", "vendi")
Features = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Features]
_POINT = 0.01
_LIMITS = (0.92, 0.98)
NONE = "none"
#: Too wide, and known to be: an interval that holds too often is no false certainty
KNOWN = (("recall", "normal", 64), ("vendi", "a dozen clumps", 32))
_SPREAD = np.logspace(0.0, -1.0, DIMENSION)
_CENTRES = np.random.default_rng(SEED).normal(size=(12, DIMENSION))
_WEIGHTS = {"open_clip": "mini-scorer", "extractor": "mini-extractor"}


def _normal(rng: np.random.Generator, n: int) -> Features:
    return rng.normal(size=(n, DIMENSION)) * _SPREAD


def _clumped(rng: np.random.Generator, n: int) -> Features:
    """A dozen kinds of pictures, as captions have."""
    return _CENTRES[rng.integers(0, len(_CENTRES), n)] + 0.3 * rng.normal(size=(n, DIMENSION))


@dataclass(frozen=True)
class Case:
    """How features come about: the reference's, and with a shift and more spread the pictures'."""

    words: str
    draw: Draw

    def reference(self, rng: np.random.Generator) -> Reference:
        """The one set that all draws are held against."""
        return Reference({"of": self.words}, self.words, features=self.draw(rng, REFERENCE))

    def pictures(self, rng: np.random.Generator, n: int) -> Features:
        """(n, d), each of a prompt of its own."""
        return 0.1 + 1.1 * self.draw(rng, n)


CASES = (Case("normal", _normal), Case("a dozen clumps", _clumped))


@dataclass(frozen=True)
class Row:
    """One line: of a metric's intervals at one n, how many hold the mean of its numbers over all draws."""

    metric: str
    case: str
    n: int
    held: int
    draws: int

    @property
    def covered(self) -> float:
        """The share."""
        return self.held / self.draws


def rows(draws: int, metrics: Sequence[str] = OF_SETS, sizes: Sequence[int] = SIZES) -> Iterator[Row]:
    """Every metric on every case at every size that it has an interval at, each with a generator of its own."""
    for place, case in enumerate(CASES):
        reference = case.reference(np.random.default_rng([SEED, place]))
        for n in sizes:
            rng = np.random.default_rng([SEED, place, n])
            drawn = [case.pictures(rng, n) for _ in range(draws)]
            for metric in metrics:
                if metric == "recall" and n < RECALL_PROMPTS:
                    continue
                found = [score_of(metric, features, reference) for features in drawn]
                yield Row(metric, case.words, n, held(found), draws)


def score_of(metric: str, features: Features, reference: Reference) -> Score:
    """A run's number with its interval."""
    uses = METRICS[metric].uses
    prompts = [f"p{i}" for i in range(len(features))]
    data = save({array_of(uses): features})
    return scored(metric, Gathered(data, WEIGHTS[_WEIGHTS[uses]], "0" * 64, prompts, prompts, reference)).score


def held(found: Sequence[Score]) -> int:
    """How many intervals hold the mean of all numbers: what the metric is at this n, with other prompts.

    Raises:
        ValueError: a score without a number or without an interval, which would count as if it had missed.
    """
    lacking = [score.reason for score in found if score.value is None or score.interval is None]
    if lacking:
        raise ValueError(f"{len(lacking)} of {len(found)} draws have no interval: {lacking[0]}")
    mean = float(np.mean([score.value for score in found if score.value is not None]))
    return sum(score.interval.low <= mean <= score.interval.high for score in found if score.interval is not None)


def table(found: Sequence[Row], draws: int) -> str:
    """The table in Markdown, what follows from it, and what gave it."""
    places = [(case.words, n) for case in CASES for n in SIZES]
    shares = {(row.metric, row.case, row.n): row.covered for row in found}
    head = ["intervals that hold", *(f"{words}, n = {n}" for words, n in places)]
    lines = [head, ["---", *("---:" for _ in places)]]
    for metric in dict.fromkeys(row.metric for row in found):
        each = (shares.get((metric, *place)) for place in places)
        lines.append([f"`{metric}`", *(NONE if share is None else f"{share:.2%}" for share in each)])
    command = f"PYTHONPATH=tests python -m support.jackknife_coverage --draws {draws}"
    told = [
        f"{draws:,} draws a number, {DIMENSION} features, {REFERENCE} reference pictures, a prompt for each picture,",
        f"seed {SEED}; nominal {LEVEL:.0%}; written by `{command}`.",
        *verdicts(found),
    ]
    return "\n".join([*(f"| {' | '.join(cells)} |" for cells in lines), "", *told])


def verdicts(found: Sequence[Row]) -> list[str]:
    """Where intervals are wider or narrower than they say by more than a point, and chance does not explain it."""
    ordered = sorted(found, key=lambda row: OF_SETS.index(row.metric))  # the same whatever was simulated first
    limits = [(row, rate([place < row.held for place in range(row.draws)])) for row in ordered]
    wide = [row for row, known in limits if known.low > LEVEL + _POINT]
    narrow = [row for row, known in limits if known.high < LEVEL - _POINT]
    return [*_said("wider", wide), *_said("narrower", narrow)]


def outside(found: Sequence[Row]) -> list[Row]:
    """Rows that hold clearly less or more often than the limits, but for those that are known to hold too often."""
    (low, high), told = _LIMITS, []
    for row in found:
        known = rate([place < row.held for place in range(row.draws)])
        too_wide = known.low > high and (row.metric, row.case, row.n) not in KNOWN
        if known.high < low or too_wide:
            told.append(row)
    return told


def _said(how: str, found: Sequence[Row]) -> list[str]:
    places: dict[str, list[str]] = {}
    for row in found:
        places.setdefault(row.metric, []).append(f"{row.covered:.2%}: {row.case}, n = {row.n}")
    each = ", ".join(f"`{metric}` ({'; '.join(where)})" for metric, where in places.items())
    return [f"More than a point {how} than they say, beyond chance: {each}."] if each else []


def main() -> int:
    """Simulate and write; 1 where an interval does not hold as it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    draws = parser.parse_args().draws
    found = []
    for row in rows(draws):
        found.append(row)
        print(f"{row.metric:<14} {row.case:<15} n = {row.n:<3} {row.covered:.1%}", flush=True)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(found, draws)}\n{END}{after}", encoding="utf-8")
    faults = outside(found)
    for row in faults:
        low, high = _LIMITS
        told = f"{row.metric}, {row.case}, n = {row.n}: {row.covered:.2%}"
        print(f"{told} hold; expected: {low:.0%} to {high:.0%}, or a place in KNOWN", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

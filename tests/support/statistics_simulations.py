"""The statistics on numbers whose truth is known: coverage, the verdict rule's table, the number that settles.

Every function draws from seeds of its own, so that the same call gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.stats.intervals import mean_interval
from harness.stats.ratio import mean_over_visits
from harness.stats.verdict import Judged, PairedSample, UnpairedSample, paired_comparisons

Vector = NDArray[np.float64]
RESAMPLES = 1999  # of a simulated interval; the harness takes 9,999
SEEDS = 4  # a prompt, where values are clustered
ICC = 0.5  # the part of a value's variance that its prompt has


@dataclass(frozen=True)
class Rate:
    """How often something happened, with the 95 % limits of what the simulation can tell."""

    share: float
    of: int
    low: float
    high: float


def rate(happened: Sequence[bool]) -> Rate:
    """Wilson's limits, as the harness gives a share's."""
    found = mean_interval([float(one) for one in happened], list(range(len(happened))), share=True)
    assert found.value is not None and found.low is not None and found.high is not None
    return Rate(found.value, len(happened), found.low, found.high)


def _normal(rng: np.random.Generator, prompts: int) -> tuple[Vector, list[int]]:
    return rng.normal(size=prompts), list(range(prompts))


def _skewed(rng: np.random.Generator, prompts: int) -> tuple[Vector, list[int]]:
    """Exponential, less its mean: skewness 2."""
    return rng.exponential(size=prompts) - 1.0, list(range(prompts))


def _very_skewed(rng: np.random.Generator, prompts: int) -> tuple[Vector, list[int]]:
    """Lognormal of sigma 1, less its mean: skewness 6."""
    return rng.lognormal(size=prompts) - np.exp(0.5), list(range(prompts))


def _clustered(rng: np.random.Generator, prompts: int) -> tuple[Vector, list[int]]:
    """Four seeds a prompt, half of the variance the prompt's."""
    shared = np.repeat(rng.normal(size=prompts), SEEDS) * np.sqrt(ICC)
    own = rng.normal(size=prompts * SEEDS) * np.sqrt(1 - ICC)
    return shared + own, [prompt for prompt in range(prompts) for _ in range(SEEDS)]


SHAPES: dict[str, Callable[[np.random.Generator, int], tuple[Vector, list[int]]]] = {
    "normal": _normal, "skewed": _skewed, "clustered": _clustered, "very skewed": _very_skewed,
}  # fmt: skip


def coverage(shape: str, prompts: int, replications: int, seed: int = 0) -> Rate:
    """How often the 95 % interval of a mean over prompts holds the true mean, 0."""
    rng, held = np.random.default_rng([seed, prompts]), []
    for number in range(replications):
        values, clusters = SHAPES[shape](rng, prompts)
        found = mean_interval(values, clusters, seed=number, resamples=RESAMPLES)
        held.append(found.low is not None and found.high is not None and found.low <= 0 <= found.high)
    return rate(held)


def coverage_of_visits(visits: int, replications: int, seed: int = 0) -> Rate:
    """The same of a mean over visits of the timing pass, each a process with a speed of its own."""
    rng = np.random.default_rng([seed, visits])
    return rate([mean_over_visits(rng.normal(size=visits)).covers(0.0) for _ in range(replications)])


def verdicts(effect: float, prompts: int, replications: int, seed: int = 0, *, margin: float = 0.5) -> list[Judged]:
    """One comparison alone: normal harms of standard deviation 1."""
    rng, found = np.random.default_rng([seed, prompts]), []
    for number in range(replications):
        sample = PairedSample("x", rng.normal(effect, 1.0, prompts), margin)
        found += paired_comparisons([sample], seed=number, resamples=RESAMPLES)
    return found


def called(judged: Sequence[Judged], verdict: str) -> Rate:
    """How often a verdict was given."""
    return rate([one.verdict == verdict for one in judged])


def settles(
    prompts: int, comparisons: int, replications: int, seed: int = 0, *, effect: float = 0.0, margin: float = 0.5
) -> tuple[Rate, float]:
    """A report of so many comparisons; each that is inconclusive is asked again, all of them at the number it says.

    Returns:
        How often those are settled then, and the median of the numbers said.
    """
    rng = np.random.default_rng([seed, prompts, comparisons])
    again: list[bool] = []
    said: list[int] = []
    while len(again) < replications:
        first = paired_comparisons(_draws(rng, effect, [prompts] * comparisons, margin), resamples=RESAMPLES)
        needs = [one.n_to_settle for one in first if one.verdict == "inconclusive"]
        known = [need for need in needs if need is not None]
        second = paired_comparisons(_draws(rng, effect, known, margin), resamples=RESAMPLES) if known else []
        again += [one.verdict != "inconclusive" for one in second] + [False] * (len(needs) - len(known))
        said += known
    return rate(again), float(np.median(said))


def _draws(rng: np.random.Generator, effect: float, sizes: Sequence[int], margin: float) -> list[PairedSample]:
    return [PairedSample(f"c{at}", rng.normal(effect, 1.0, size), margin) for at, size in enumerate(sizes)]


def false_alarms(margin: float, comparisons: int, prompts: int, visits: int, reports: int, seed: int = 0) -> Rate:
    """How many reports of nothing but skewed and unpaired noise name any *regressed* or *improved*."""
    rng, alarms = np.random.default_rng([seed, comparisons, prompts]), []
    for _ in range(reports):
        half = comparisons // 2
        quality = [PairedSample(f"q{i}", rng.exponential(size=prompts) - 1.0, margin) for i in range(half)]
        costs = [
            UnpairedSample(f"c{i}", rng.normal(size=visits), rng.normal(size=visits), margin)
            for i in range(comparisons - half)
        ]
        found = paired_comparisons([*quality, *costs], resamples=RESAMPLES)
        alarms.append(any(one.verdict in ("regressed", "improved") for one in found))
    return rate(alarms)

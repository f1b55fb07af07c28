"""How often `harness history` finds a change that is there, and one that is not: the tables in docs/history.md.

``python -m tests.support.change_point_rates [--series 1000]`` simulates and writes them between their markers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binom

from harness.stats.change_points import ALPHA, SHUFFLES, change_points

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
BEGIN, END = "<!-- rates: begin -->", "<!-- rates: end -->"
RUNS = (8, 12, 20)
STEPS = (2.0, 3.0, 5.0)  # standard deviations
CLEAR, LEAST_FOUND = 5.0, 0.9  # of the clear ones so many are found
_CHANCE = 0.001  # of a table that fails by chance alone
Vector = np.ndarray
Noise = Callable[[np.random.Generator, int], Vector]


def _remembering(rng: np.random.Generator, n: int) -> Vector:
    """Each value keeps half of the one before: what the method does not allow for."""
    values = rng.normal(size=n)
    for place in range(1, n):
        values[place] += 0.5 * values[place - 1]
    return values


NOISES: dict[str, Noise] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails (t, 3 degrees)": lambda rng, n: rng.standard_t(3, size=n) / np.sqrt(3),
    "skewed (log-normal, 0.7)": lambda rng, n: rng.lognormal(0, 0.7, size=n),
    "four values only": lambda rng, n: rng.integers(0, 4, size=n).astype(float),
}
BEYOND: dict[str, Noise] = {"noise that remembers half of itself": _remembering}


def false_alarms(noise: Noise, n: int, series: int, shuffles: int = SHUFFLES) -> float:
    """The share of series without a change in which one is found."""
    rng = np.random.default_rng(n)
    return float(np.mean([bool(change_points(noise(rng, n), seed=s, shuffles=shuffles)) for s in range(series)]))


def found(size: float, n: int, series: int, shuffles: int = SHUFFLES) -> float:
    """The share of series with a step of ``size`` standard deviations in the middle that is found within one run."""
    rng = np.random.default_rng(1000 + n)
    return float(np.mean([_is_found(rng, size, n, seed, shuffles) for seed in range(series)]))


def _is_found(rng: np.random.Generator, size: float, n: int, seed: int, shuffles: int) -> bool:
    values = rng.normal(size=n)
    values[n // 2 :] += size
    return any(abs(one.at - n // 2) <= 1 for one in change_points(values, seed=seed, shuffles=shuffles))


def rates(series: int) -> dict[str, tuple[float, ...]]:
    """Kind of noise -> how often a change is found where there is none, for each of ``RUNS``."""
    return {words: tuple(false_alarms(noise, n, series) for n in RUNS) for words, noise in {**NOISES, **BEYOND}.items()}


def powers(series: int) -> dict[float, tuple[float, ...]]:
    """Size of a step -> how often it is found, for each of ``RUNS``."""
    return {size: tuple(found(size, n, series) for n in RUNS) for size in STEPS}


def failings(false: Mapping[str, Sequence[float]], steps: Mapping[float, Sequence[float]], series: int) -> list[str]:
    """Where more is found than the page states, a sentence each: beyond what 5 % come to once in a thousand tables.

    A step of ``CLEAR`` is found in ``LEAST_FOUND`` at least: a method that finds nothing has no false alarms either.
    Noise that remembers is told and held to nothing: the page says that the rule does not allow for it.
    """
    limit = float(binom.ppf(1 - _CHANCE / (len(NOISES) * len(RUNS)), series, ALPHA)) / series
    missed = [
        f"a step of {CLEAR:g} standard deviations, {n} runs: found in {rate:.1%}, expected at least {LEAST_FOUND:.0%}"
        for n, rate in zip(RUNS, steps[CLEAR], strict=True)
        if not rate >= LEAST_FOUND
    ]
    return missed + [
        f"{words}, {n} runs: a change was found in {rate:.1%} of series without one, expected at most {limit:.1%}"
        for words in NOISES
        for n, rate in zip(RUNS, false[words], strict=True)
        if not rate <= limit
    ]


def _lines(false: Mapping[str, Sequence[float]], steps: Mapping[float, Sequence[float]], series: int) -> Iterator[str]:
    head = " | ".join(f"{n} runs" for n in RUNS)
    yield f"| a change found where there is none | {head} |"
    yield f"| --- |{' ---: |' * len(RUNS)}"
    for words, found_ in false.items():
        yield f"| {words} | {' | '.join(f'{rate:.1%}' for rate in found_)} |"
    yield ""
    yield f"| a step in the middle, found within one run of its place | {head} |"
    yield f"| --- |{' ---: |' * len(RUNS)}"
    for size, found_ in steps.items():
        yield f"| {size:g} standard deviations | {' | '.join(f'{rate:.1%}' for rate in found_)} |"
    yield ""
    command = f"python -m tests.support.change_point_rates --series {series}"
    yield f"{series} series each, of steps {series // 3}; written by `{command}`."


def main() -> int:
    """Simulate and write; 1 where the page's bars are not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=300)
    asked = parser.parse_args()
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    false, steps = rates(asked.series), powers(asked.series // 3)
    text = "\n".join(_lines(false, steps, asked.series))
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    wrong = failings(false, steps, asked.series)
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

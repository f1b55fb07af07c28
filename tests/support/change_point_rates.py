"""How often `harness history` finds a change that is there, and one that is not: the tables in docs/history.md.

``python -m tests.support.change_point_rates [--series 1000]`` simulates and writes them between their markers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from harness.stats.change_points import SHUFFLES, change_points

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
BEGIN, END = "<!-- rates: begin -->", "<!-- rates: end -->"
RUNS = (8, 12, 20)
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


def _lines(series: int) -> Iterator[str]:
    head = " | ".join(f"{n} runs" for n in RUNS)
    yield f"| a change found where there is none | {head} |"
    yield f"| --- |{' ---: |' * len(RUNS)}"
    for words, noise in {**NOISES, **BEYOND}.items():
        yield f"| {words} | {' | '.join(f'{false_alarms(noise, n, series):.1%}' for n in RUNS)} |"
    yield ""
    yield f"| a step in the middle, found within one run of its place | {head} |"
    yield f"| --- |{' ---: |' * len(RUNS)}"
    for size in (2.0, 3.0, 5.0):
        yield f"| {size:g} standard deviations | {' | '.join(f'{found(size, n, series // 3):.1%}' for n in RUNS)} |"
    yield ""
    command = f"python -m tests.support.change_point_rates --series {series}"
    yield f"{series} series each, of steps {series // 3}; written by `{command}`."


def main() -> None:
    """Simulate and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=300)
    asked = parser.parse_args()
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "\n".join(_lines(asked.series))
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

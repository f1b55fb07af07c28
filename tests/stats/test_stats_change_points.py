"""Steps are found where they are, noise has none, and the split is the one that a slow reading of the paper finds."""

from __future__ import annotations

import numpy as np
import pytest
from support.change_point_rates import BEYOND, NOISES, RUNS, failings, false_alarms, found

from harness.stats.change_points import LEAST, MOST, change_points, energy_splits


def _energy(left: np.ndarray, right: np.ndarray) -> float:
    """Matteson and James's equation 5 times ``mn / (m + n)``, by its sums."""
    m, n = len(left), len(right)
    across = 2 / (m * n) * sum(abs(a - b) for a in left for b in right)
    within = [sum(abs(a - b) for i, a in enumerate(side) for b in side[:i]) * 2 / (len(side) * (len(side) - 1))
              for side in (left, right)]  # fmt: skip
    return m * n / (m + n) * (across - sum(within))


@pytest.mark.parametrize("seed", range(3))
def test_the_energy_of_every_split_is_the_papers(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=11)
    energies = energy_splits(np.abs(values[:, None] - values[None, :])[None])[0]
    assert energies == pytest.approx([_energy(values[:at], values[at:]) for at in range(2, 10)])


@pytest.mark.parametrize("seed", range(3))
def test_the_best_split_is_found_with_the_means_of_its_levels(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=16)
    values[6:] += 5
    best = max(range(2, 15), key=lambda at: _energy(values[:at], values[at:]))
    found = change_points(values)
    assert best in [one.at for one in found]  # the first that is looked for
    for one, end in zip(found, [*(other.at for other in found[1:]), 16], strict=True):
        assert one.after == pytest.approx(values[one.at : end].mean())


def test_two_steps_are_found_and_a_single_odd_value_is_none() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=36)
    values[12:24] += 6
    first, second = change_points(values)
    assert abs(first.at - 12) <= 1 and abs(second.at - 24) <= 1
    odd = rng.normal(size=20)
    odd[9] += 40
    assert change_points(odd) == []


def test_a_series_without_spread_and_a_short_one_have_none() -> None:
    assert change_points([3.0] * 30) == []
    assert change_points([0.0] * 3 + [9.0] * 4) == []
    assert [one.at for one in change_points([0.0] * 4 + [9.0] * 4)] == [4]


def test_the_same_series_and_seed_give_the_same_answer() -> None:
    values = [*np.random.default_rng(7).normal(size=12), *np.random.default_rng(8).normal(1.5, size=12)]
    assert change_points(values, seed=3) == change_points(values, seed=3)


def test_what_is_no_series_is_refused() -> None:
    for values in ([float("nan")] * LEAST, [0.0] * (MOST + 1)):
        with pytest.raises(ValueError, match="finite numbers"):
            change_points(values)


@pytest.mark.parametrize("noise", ["normal", "skewed (log-normal, 0.7)"])
def test_noise_has_few_changes(noise: str) -> None:
    assert false_alarms(NOISES[noise], 12, 80, shuffles=99) <= 0.07 + 2 * (0.07 * 0.93 / 80) ** 0.5


def test_a_large_step_is_found_within_one_run() -> None:
    assert found(5.0, 16, 40, shuffles=99) >= 0.93


STEPS = dict.fromkeys((2.0, 3.0, 5.0), (0.97, 1.0, 1.0))


def test_the_tables_maker_fails_beyond_what_chance_makes_of_five_per_cent() -> None:
    """Of 300 series, 5 % are 15; 32 are too many for chance, and noise that remembers is held to nothing."""
    kept = {words: (0.05,) * len(RUNS) for words in NOISES} | {words: (0.3,) * len(RUNS) for words in BEYOND}
    assert failings(kept, STEPS, 300) == []
    assert failings({**kept, "normal": (0.05, 27 / 300, 0.05)}, STEPS, 300) == []
    (told,) = failings({**kept, "normal": (0.05, 32 / 300, 0.05)}, STEPS, 300)
    assert told.startswith("normal, 12 runs: a change was found in 10.7% of series without one, expected at most ")
    assert len(failings({**kept, "normal": (0.07,) * len(RUNS)}, STEPS, 10_000)) == len(RUNS)
    assert len(failings({**kept, "normal": (np.nan,) * len(RUNS)}, STEPS, 300)) == len(RUNS)


@pytest.mark.parametrize("rate", [0.89, 0.0, np.nan])
def test_the_tables_maker_fails_where_a_clear_step_is_missed(rate: float) -> None:
    """No change is found where there is none by a method that finds none at all."""
    nothing = {words: (0.0,) * len(RUNS) for words in (*NOISES, *BEYOND)}
    assert failings(nothing, {**STEPS, 2.0: (0.3,) * len(RUNS), 5.0: (0.9,) * len(RUNS)}, 300) == []
    (told,) = failings(nothing, {**STEPS, 5.0: (rate, 1.0, 1.0)}, 300)
    assert told.startswith("a step of 5 standard deviations, 8 runs: found in ") and told.endswith("at least 90%")

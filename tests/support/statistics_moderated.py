"""A rule that was tried and not taken: a visit's spread shared among the comparisons of a report.

Each comparison's variance over a few visits is drawn to what all of them have in common, which gives it degrees of
freedom that it has not of its own. Source: G. K. Smyth, Linear models and empirical Bayes methods for assessing
differential expression in microarray experiments, Stat. Appl. Genet. Mol. Biol. 3 (2004), section 6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma, stdtr
from support.statistics_simulations import Rate, rate

from harness.stats.holm import holm

Vector = NDArray[np.float64]
SPREADS: dict[str, Callable[[np.random.Generator, int], Vector]] = {
    "all alike": lambda _, cells: np.ones(cells),
    "uneven": lambda rng, cells: np.exp(rng.normal(0.0, 0.5, cells)),
    "alike but for one in ten of three times as much": lambda _, cells: np.where(np.arange(cells) % 10 == 0, 3.0, 1.0),
}


def false_alarms(spreads: str, cells: int, visits: int, reports: int, *, moderated: bool, seed: int = 0) -> Rate:
    """How many reports of nothing but noise call any of their cells different from no effect at 5 %."""
    rng, alarms = np.random.default_rng([seed, cells, visits]), []
    for _ in range(reports):
        spread = SPREADS[spreads](rng, cells)
        harms = rng.normal(size=(cells, visits)) * spread[:, None]
        variances, degrees = harms.var(axis=1, ddof=1), np.full(cells, visits - 1.0)
        if moderated:
            variances, degrees = shared(variances, visits - 1)
        t = np.abs(harms.mean(axis=1)) / np.sqrt(variances / visits)
        alarms.append(min(holm(list(2 * stdtr(degrees, -t)))) <= 0.05)
    return rate(alarms)


def shared(variances: Vector, degrees: int) -> tuple[Vector, Vector]:
    """Variances (cells,) of so many degrees of freedom each, drawn to their common value, and their degrees then."""
    cells = len(variances)
    logs = np.log(variances) - digamma(degrees / 2) + np.log(degrees / 2)
    beyond = float(logs.var(ddof=1)) - float(polygamma(1, degrees / 2))
    if beyond <= 0:  # they spread no more than one variance's estimates would
        return np.full(cells, np.exp(logs.mean())), np.full(cells, float(cells * degrees))
    prior = 2 * _inverse_trigamma(beyond)
    common = np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2))
    drawn = (prior * common + degrees * variances) / (prior + degrees)
    return drawn, np.full(cells, min(prior + degrees, float(cells * degrees)))


def _inverse_trigamma(value: float) -> float:
    """By Newton's method on 1 / trigamma, which is nearly straight (the source's appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(polygamma(1, x))
        x += at * (1 - at / value) / float(polygamma(2, x))
    return x

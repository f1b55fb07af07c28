"""The verdict on paired harms: improved, regressed, equivalent or inconclusive, against a margin fixed beforehand.

With the 90 % studentized interval [lo, hi] of the mean harm and the margin M, a comparison alone is *regressed* if
lo > M, *improved* if hi < -M, *equivalent* if -M < lo and hi < M. Each is a test at 5 % against the margin: where the
margin is not many standard errors wide, the chance of an error on its other side counts too. The three exclude each
other, so a comparison stands in Holm's procedure with the smallest of its three p-values.

Source: J. L. Hodges and E. L. Lehmann, Testing the approximate validity of statistical hypotheses, JRSS B 16 (1954),
for a test of "within the margin" that holds on both sides at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from harness.stats import power
from harness.stats.bootstrap import RESAMPLES, Studentized, student, studentize
from harness.stats.holm import holm
from harness.stats.permutation import sign_flip_p
from harness.stats.share import ShareDifference, share_difference
from harness.stats.welch import WelchDifference, welch_difference

Vector = NDArray[np.float64]
Verdict = Literal["improved", "regressed", "equivalent", "inconclusive"]

ALPHA = power.ALPHA
SHOWN_LEVEL = 0.9
Unit = power.Unit
Mean = Studentized | ShareDifference | WelchDifference
LEAST = power.LEAST
_FINER = 2  # the least p of a bootstrap must be at most half of what Holm asks of the first of so many comparisons


@dataclass(frozen=True)
class PairedSample:
    """One comparison: ``harm`` (units,) is positive where the cell is worse; ``margin`` is in the same unit.

    ``unit``: what the values are independent by: a prompt (its seeds averaged), or a visit of the timing pass (its
    calls averaged). ``share``: the values are differences of shares of yes and no.
    """

    name: str
    harm: Vector
    margin: float
    unit: Unit = "prompt"
    share: bool = False

    @property
    def sides(self) -> tuple[Vector, ...]:
        """The numbers that it rests on."""
        return (self.harm,)

    @property
    def n(self) -> int:
        """Independent units."""
        return len(self.harm)

    @property
    def seen(self) -> float | None:
        """The mean harm; ``None`` of nothing."""
        return float(np.mean(self.harm)) if self.n else None

    def summary(self, seed: int, resamples: int) -> Mean:
        """The mean and its error, of two units or more."""
        if self.share:
            return share_difference(self.harm)
        if self.unit == "visit":
            return student(self.harm)
        return studentize(self.harm, seed=seed, resamples=resamples)


@dataclass(frozen=True)
class UnpairedSample:
    """One comparison of costs that were measured apart: ``cell`` (n,) and ``reference`` (m,), in the margin's unit.

    More is worse. Nothing that moved one side only (the day, the machine's state) cancels, as it does in a pair.
    """

    name: str
    cell: Vector
    reference: Vector
    margin: float
    unit: Unit = "visit"

    @property
    def sides(self) -> tuple[Vector, ...]:
        """The numbers that it rests on."""
        return self.cell, self.reference

    @property
    def n(self) -> int:
        """Independent units of the smaller side."""
        return min(len(self.cell), len(self.reference))

    @property
    def seen(self) -> float | None:
        """The difference of the means; ``None`` where a side has nothing."""
        return float(np.mean(self.cell) - np.mean(self.reference)) if self.n else None

    def summary(self, _seed: int, _resamples: int) -> Mean:
        """The difference and its error, of two units a side or more."""
        return welch_difference(self.cell, self.reference)


Sample = PairedSample | UnpairedSample


@dataclass(frozen=True)
class Judged:
    """What the paired harms say.

    ``low``, ``high``: the plain, unadjusted 90 % interval of the mean harm. ``p`` is of the best-supported claim,
    ``p_adjusted`` Holm's; the verdict is that claim if ``p_adjusted`` <= 5 %. ``n_to_settle``: about how many prompts
    would settle an inconclusive one with 80 % power; ``None`` when settled or when no number of prompts would;
    ``settles_unchanged``: that is the need where there is no effect, else it is the one at the effect seen.
    ``smallest_effect``: the smallest harm, in the margin's unit, that so many would have called *regressed* with 80 %
    power, had the comparisons that are open now been open then; ``None`` where they bound nothing.
    """

    name: str
    verdict: Verdict
    leaning_worse: bool
    n: int
    margin: float
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    p: float | None
    p_adjusted: float | None
    p_sign_flip: float | None
    n_to_settle: int | None
    settles_unchanged: bool
    smallest_effect: float | None
    reason: str | None


def paired_comparisons(
    samples: Sequence[Sample], *, seed: int = 0, resamples: int = RESAMPLES, alpha: float = ALPHA
) -> list[Judged]:
    """Judge every comparison of a report together, in the order given.

    Comparisons of fewer than six prompts (or two visits) are inconclusive and take no part in Holm's procedure.

    Raises:
        ValueError: a margin that is negative or not a number, or a harm that is not finite.
    """
    for sample in samples:
        _check(sample)
    enough = max(resamples, ceil(_FINER * sum(sample.n >= LEAST[sample.unit] for sample in samples) / alpha))
    means = [sample.summary(seed, enough) if sample.n >= 2 else None for sample in samples]
    claims = [
        _best_claim(mean, sample.margin) if mean is not None and mean.n >= LEAST[sample.unit] else None
        for mean, sample in zip(means, samples, strict=True)
    ]
    adjusted = holm([claim[1] for claim in claims if claim])
    open_, few, ready = sum(p > alpha for p in adjusted), claims.count(None), iter(adjusted)
    judged = []
    for sample, mean, claim in zip(samples, means, claims, strict=True):
        if mean is None or claim is None:
            judged.append(_too_few(sample, mean, open_ + few))
        else:
            judged.append(_judge(sample, mean, claim, next(ready), alpha, max(open_, 1), seed))
    return judged


def _check(sample: Sample) -> None:
    if not (np.isfinite(sample.margin) and sample.margin >= 0):
        raise ValueError(f"{sample.name}: a margin must be a number of at least zero, not {sample.margin}")
    if any(np.asarray(side).ndim != 1 or not np.isfinite(side).all() for side in sample.sides):
        raise ValueError(f"{sample.name}: harms must be a vector of finite numbers")


def _best_claim(mean: Mean, margin: float) -> tuple[Verdict, float]:
    """The claim with the smallest p against the margin."""
    across = _across(mean, margin)
    claims: list[tuple[Verdict, float]] = [
        ("equivalent", max(mean.p_above(-margin), mean.p_below(margin))),
        ("regressed", min(mean.p_above(margin) + across, 1.0)),
        ("improved", min(mean.p_below(-margin) + across, 1.0)),
    ]
    return min(claims, key=lambda claim: claim[1])


def _across(mean: Mean, margin: float) -> float:
    """Chance that a mean at one end of the margin is seen as far beyond its other end as this one is beyond this."""
    if mean.se == 0:
        return 0.0
    degrees = mean.degrees if isinstance(mean, WelchDifference) else mean.n - 1
    return float(stdtr(degrees, -(abs(mean.mean) + margin) / mean.se))


def _degrees(mean: Mean, n: int) -> int:
    """Of freedom, of a spread over so many units (a side)."""
    return (2 if isinstance(mean, WelchDifference) else 1) * (n - 1)


def _judge(
    sample: Sample, mean: Mean, claim: tuple[Verdict, float], p_adjusted: float, alpha: float, open_: int, seed: int
) -> Judged:
    low, high = mean.interval(SHOWN_LEVEL)
    settled = p_adjusted <= alpha
    need = None if settled else n_to_settle(mean, sample.margin, open_)
    return Judged(
        name=sample.name,
        verdict=claim[0] if settled else "inconclusive",
        leaning_worse=not settled and low > 0,
        n=mean.n,
        margin=sample.margin,
        mean=mean.mean,
        sd=mean.sd,
        low=low,
        high=high,
        level=SHOWN_LEVEL,
        method=f"{mean.method} over {sample.unit}s",
        p=claim[1],
        p_adjusted=p_adjusted,
        p_sign_flip=_sign_flip(sample, seed),
        n_to_settle=need,
        settles_unchanged=_unchanged(need, mean, sample.margin, open_),
        smallest_effect=power.smallest_effect(sample.margin, spread_of(mean), mean.n, open_=open_, alpha=alpha),
        reason=None if settled else _why_not(claim, alpha, beyond=low > sample.margin or high < -sample.margin),
    )


def _sign_flip(sample: Sample, seed: int) -> float | None:
    return sign_flip_p(sample.harm, seed=seed) if isinstance(sample, PairedSample) and sample.unit == "prompt" else None


def _why_not(claim: tuple[Verdict, float], alpha: float, *, beyond: bool) -> str:
    if claim[1] <= alpha:
        return f"{claim[0]} when taken alone, but not after Holm's adjustment for all comparisons of the report"
    if beyond:
        return "the interval is beyond the margin, which is too narrow for one end of it to be tested alone"
    return "the interval reaches over the margin"


def spread_of(mean: Mean) -> power.Spread:
    """A sample's spread, and how well it is known."""
    sides = 2 if isinstance(mean, WelchDifference) else 1
    return power.Spread(mean.sd, _degrees(mean, mean.n), sides, isinstance(mean, ShareDifference))


def n_to_settle(mean: Mean, margin: float, open_: int = 1) -> int | None:
    """About how many prompts (or visits) would settle it with 80 % power: ``power.to_settle`` of what was seen.

    ``open_``: comparisons that are not settled; whoever asks again has them all in Holm's procedure.
    """
    return power.to_settle(abs(mean.mean), margin, spread_of(mean), mean.n, open_=open_)


def _unchanged(need: int | None, mean: Mean, margin: float, open_: int) -> bool:
    return need is not None and need == power.needed(margin, spread_of(mean), open_=open_)


def _too_few(sample: Sample, mean: Mean | None, open_: int) -> Judged:
    """``open_``: those of few units too, which stand in Holm's procedure once they have enough."""
    n, least = sample.n, LEAST[sample.unit]
    need = max(n_to_settle(mean, sample.margin, open_) or 0, least) if mean else least
    return Judged(
        name=sample.name,
        verdict="inconclusive",
        leaning_worse=False,
        n=n,
        margin=sample.margin,
        mean=sample.seen,
        sd=mean.sd if mean else None,
        low=None,
        high=None,
        level=SHOWN_LEVEL,
        method="none",
        p=None,
        p_adjusted=None,
        p_sign_flip=None,
        n_to_settle=need,
        settles_unchanged=mean is not None and _unchanged(need, mean, sample.margin, open_),
        smallest_effect=None,
        reason=f"{n} {sample.unit}{'s' * (n != 1)}: no verdict is given below {least}",
    )

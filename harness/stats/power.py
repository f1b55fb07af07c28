"""Power: what so many prompts (or visits) can see, and how many it takes. Arithmetic alone, so that planning is quick.

A claim is a one-sided test of a mean at a distance from a limit, at a level that Holm's procedure leaves it at worst:
``alpha`` over the number of comparisons still open. Its chance is that of a noncentral t by its normal approximation,
and where the spread is itself an estimate, its uncertainty stands in the chance (the "expected power" of the source).

Sources: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.10; G. W. Hill, Algorithm 396:
Student's t-quantiles, Comm. ACM 13 (1970); S. A. Julious and R. J. Owen, Sample size calculations for clinical studies
allowing for uncertainty about the variance, Pharm. Stat. 5 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, inf, log, pi, sqrt
from statistics import NormalDist
from typing import Literal

ALPHA = 0.05
Unit = Literal["prompt", "visit"]
#: Fewer independent units than this are judged by nobody. With fewer than six prompts an exact sign-flip p cannot go
#: under 5 % (2 / 2^n). A visit's mean is one of many calls, near enough to normal for Student's t from two visits on.
LEAST: dict[Unit, int] = {"prompt": 6, "visit": 2}
POWER = 0.8  # of settling where there is no effect
POWER_FOUND = 0.9  # of finding a harm of twice the margin
NO_SENSE_BEYOND = 1_000_000
_LEAST_DEGREES = 2  # with one, no number of units reaches 90 %: two visits are taken for what three would say
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Spread:
    """What is known of one unit's harm.

    ``sd``: its standard deviation. ``degrees``: how well that is known, in degrees of freedom. ``sides``: 2 where two
    sides measured apart give ``n`` units each. ``share``: differences of shares of yes and no.
    """

    sd: float
    degrees: float = inf
    sides: int = 1
    share: bool = False


def chance_beyond(gap: float, spread: Spread, n: int, alpha: float = ALPHA) -> float:
    """Chance that ``n`` units show a mean to be beyond a limit which it is beyond by ``gap``."""
    degrees = spread.sides * (n - 1)
    if n < 2 or (spread.sd == 0 and gap <= 0):
        return 0.0
    if spread.sd == 0:
        return 1.0
    critical, shift = t_quantile(1 - alpha, degrees), gap * sqrt(n) / spread.sd
    known = 0.0 if spread.degrees == inf else 1 / (4 * max(spread.degrees, _LEAST_DEGREES))
    blur = sqrt(1 + critical**2 / (2 * degrees) + 2 * known * shift**2)
    return _NORMAL.cdf((shift * (1 - known) - critical * (1 - 1 / (4 * degrees))) / blur)


def chance_equivalent(margin: float, spread: Spread, n: int, *, open_: int = 1, alpha: float = ALPHA) -> float:
    """Chance of *equivalent* where there is no effect, ``open_`` comparisons standing in Holm's procedure."""
    if spread.share and n < _least_share(margin, alpha / open_):
        return 0.0
    return max(0.0, 2 * chance_beyond(margin, spread, n, alpha / open_) - 1)


def chance_regressed(
    effect: float, margin: float, spread: Spread, n: int, *, open_: int = 1, alpha: float = ALPHA
) -> float:
    """Chance of *regressed* where the cell is worse by ``effect``."""
    return chance_beyond(effect - margin, spread, n, alpha / open_)


def smallest_effect(
    margin: float, spread: Spread, n: int, *, open_: int = 1, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest harm that ``n`` units would call *regressed* with that power; ``None``: so few never would."""
    degrees = spread.sides * (n - 1)
    if n < 2:
        return None
    if spread.sd == 0:
        return margin
    critical, z = t_quantile(1 - alpha / open_, degrees), _NORMAL.inv_cdf(power)
    shift = critical * (1 - 1 / (4 * degrees)) + z * sqrt(1 + critical**2 / (2 * degrees))
    return margin + shift * spread.sd / sqrt(n)


def needed(
    gap: float, spread: Spread, *, open_: int = 1, alpha: float = ALPHA, power: float = POWER_FOUND, least: int = 2
) -> int | None:
    """The fewest units, from ``least`` on, whose one-sided test has that power; ``None`` beyond a million.

    Two one-sided tests of 90 % each are the 80 % of *equivalent* where there is no effect, with ``gap`` the margin;
    one of 90 % is that of *regressed* at twice the margin. So one number serves both.
    """
    if gap <= 0:
        return None
    low, high = max(least, 2), max(least, 2)
    while chance_beyond(gap, spread, high, alpha / open_) < power:
        low, high = high + 1, high * 2
        if low > NO_SENSE_BEYOND:
            return None
    while low < high:
        middle = (low + high) // 2
        if chance_beyond(gap, spread, middle, alpha / open_) < power:
            low = middle + 1
        else:
            high = middle
    return max(low, _least_share(gap, alpha / open_)) if spread.share else low


def to_settle(seen: float, margin: float, spread: Spread, n: int, *, open_: int = 1) -> int | None:
    """How many units settle what ``n`` left open, with 80 % power where there is no effect.

    When that many were there already, the effect is what stands in the way: then the need at the effect seen, which
    grows without bound as the effect nears the margin (``None`` beyond a million). Of an effect seen beyond the margin,
    the smaller of the two. ``seen``: the effect's size.
    """
    unchanged = needed(margin, spread, open_=open_)
    so_seen = needed(abs(seen - margin), spread, open_=open_, power=POWER)
    if margin == 0 or (unchanged is not None and unchanged <= n):
        needs = [so_seen]
    else:
        needs = [unchanged, so_seen] if seen > margin else [unchanged]
    known = [need for need in needs if need is not None]
    return max(min(known), n + 1) if known else None


def _least_share(margin: float, alpha: float) -> int:
    """The fewest pairs without a disagreement that show fewer of them than ``margin``: ``(1 - margin)^n <= alpha``."""
    return int(-(-log(alpha) // log(1 - margin))) if 0 < margin < 1 else 2


def t_quantile(p: float, degrees: float) -> float:
    """The quantile of Student's t, to six digits: what scipy has too, without the import."""
    if p < 0.5:
        return -t_quantile(1 - p, degrees)
    tail = 2 * (1 - p)  # of both sides
    if degrees == inf:
        return _NORMAL.inv_cdf(p)
    if degrees == 1:
        return cos(tail * pi / 2) / sqrt(1 - cos(tail * pi / 2) ** 2) if tail < 1 else 0.0
    if degrees == 2:
        return sqrt(max(2 / (tail * (2 - tail)) - 2, 0.0))
    return _hill(tail, degrees)


def _hill(tail: float, n: float) -> float:
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20_700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * pi / 2) * n
    y = (d * tail) ** (2 / n)
    if y <= 0.05 + a:
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (n + 2)
        return sqrt(n * (y + 1 / ((d * tail) ** (2 / n))))
    x = _NORMAL.inv_cdf(tail / 2)
    y = x**2
    c += 0.3 * (n - 4.5) * (x + 0.6) if n < 5 else 0.0
    c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
    y = a * y**2
    return sqrt(n * (exp(y) - 1 if y > 0.002 else 0.5 * y**2 + y))

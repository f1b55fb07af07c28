"""From the visits of an A/A self-test to its numbers, and to the margins and the timing that they suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil, expm1, log1p, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness.catalog.metrics import DEFAULT_MARGINS
from harness.plan.margins import relative_margin
from harness.run.protocol import TimeDone
from harness.run.timing_record import Samples
from harness.stats import power
from harness.stats.ratio import mean_over_visits
from harness.store.disturbed import Disturbed, together
from harness.store.noise import Noise, SmallestDifference

Vector = NDArray[np.float64]
_VISITS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30)  # for which it is said what they see
_SHOWN_LEVEL = 0.9
_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 12
_FEWEST_CALLS, _MOST_CALLS = 3, 10


@dataclass
class Visit:
    """Seconds of each call of the two, of the calls that bracket the visit, and what else was seen."""

    minute: float  # after the beginning
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    bracket_s: float = 0.0
    peak_bytes: int | None = None
    apart: list[int] = field(default_factory=list)  # largest difference of each call's picture, of 255 levels
    disturbed: list[Disturbed] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, done: TimeDone) -> None:
        """Take in what was seen beside a call's time."""
        self.apart += [done.largest_pixel_difference] if done.largest_pixel_difference is not None else []
        self.disturbed += [done.disturbed] if done.disturbed is not None else []


@dataclass(frozen=True)
class _Latency:
    """Of the logarithms of the calls. ``beside``: each visit's difference; ``within``, ``between``: deviations."""

    beside: Vector
    means: Vector
    within: float
    between: float
    degrees: int

    def visit(self, calls: int) -> float:
        """Deviation of one cell's mean of so many calls in a visit."""
        return sqrt(self.between**2 + self.within**2 / calls)


def noise_from(
    visits: Sequence[Visit], *, fingerprint: str, model: str, weights: str, cell: str, device: str, seconds: float
) -> Noise:
    """The numbers of three visits or more, and what they suggest."""
    latency, peaks = _latency(visits), _peaks(visits)
    calls = min(len(visit.first) for visit in visits)
    apart = [levels for visit in visits for levels in visit.apart]
    beside, trend = mean_over_visits(latency.beside, level=_SHOWN_LEVEL), _trend(visits, latency.means)
    disturbed = together([block for visit in visits for block in visit.disturbed])
    drift, memory = _drift(visits), _sd(peaks)
    seen = tuple(disturbed.seen()) if disturbed is not None else ()
    margins, timing, advice = _advice(latency, memory, len(visits) - 1, drift)
    advice += ["something disturbed this: measure again on a quiet machine before these are taken"] if seen else []
    return Noise(
        fingerprint=fingerprint,
        model=model,
        weights=weights,
        cell=cell,
        device=device,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        visits=len(visits),
        calls=calls,
        latency_s=float(np.exp(latency.means.mean())),
        between_calls=expm1(latency.within),
        between_visits=expm1(latency.between),
        beside=expm1(beside.value or 0.0),
        beside_low=None if beside.low is None else expm1(beside.low),
        beside_high=None if beside.high is None else expm1(beside.high),
        drift=drift,
        trend_per_minute=trend[0],
        trend_low=trend[1],
        trend_high=trend[2],
        smallest=tuple(_smallest(n, _sd(latency.beside), latency.visit(calls), latency.degrees) for n in _VISITS),
        smallest_memory=() if memory is None else tuple(_smallest(n, None, memory, len(peaks) - 1) for n in _VISITS),
        peak_memory_bytes=round(float(np.exp(peaks.mean()))) if len(peaks) else None,
        memory_between_visits=None if memory is None else expm1(memory),
        identical_pictures=max(apart) == 0 if apart else None,
        largest_pixel_difference=max(apart, default=None),
        disturbances=seen,
        margins=margins,
        timing=timing,
        advice=tuple(advice),
    )


def _latency(visits: Sequence[Visit]) -> _Latency:
    calls = min(len(visit.first) for visit in visits)
    logs = np.log(np.array([[visit.first[:calls], visit.second[:calls]] for visit in visits]))  # visit, side, call
    within = float(np.sqrt(logs.var(axis=2, ddof=1).mean()))
    means = logs.mean(axis=(1, 2))
    between = sqrt(max(float(means.var(ddof=1)) - within**2 / (2 * calls), 0.0))
    return _Latency(logs[:, 0].mean(axis=1) - logs[:, 1].mean(axis=1), means, within, between, len(visits) - 1)


def _peaks(visits: Sequence[Visit]) -> Vector:
    """Logarithms of the peaks, where every visit has one."""
    found = [visit.peak_bytes for visit in visits]
    return np.log([float(peak) for peak in found if peak]) if all(found) else np.zeros(0)


def _sd(values: Vector) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _trend(visits: Sequence[Visit], means: Vector) -> tuple[float | None, float | None, float | None]:
    """Change for each minute, least squares over the visits, with its 90 % interval."""
    minutes = np.array([visit.minute for visit in visits])
    spread, n = minutes - minutes.mean(), len(minutes)
    if n < 3 or not spread.any():
        return None, None, None
    slope = float(spread @ means / (spread @ spread))
    rest = means - means.mean() - slope * spread
    half = float(stdtrit(n - 2, (1 + _SHOWN_LEVEL) / 2) * np.sqrt(rest @ rest / (n - 2) / (spread @ spread)))
    return expm1(slope), expm1(slope - half), expm1(slope + half)


def _drift(visits: Sequence[Visit]) -> float:
    """As the timing pass reads it of a cell."""
    samples = Samples()
    for number, visit in enumerate(visits):
        samples.steady_s += visit.first
        samples.round_of_call += [number] * len(visit.first)
        samples.bracket_s[number].append(visit.bracket_s)
    return samples.drift()


def _smallest(visits: int, beside: float | None, apart: float, degrees: int) -> SmallestDifference:
    """At a margin of zero, one comparison alone."""
    near = None if beside is None else power.smallest_effect(0.0, power.Spread(beside, degrees), visits)
    far = power.smallest_effect(0.0, _two_runs(apart, degrees), visits)
    return SmallestDifference(
        visits=visits, beside=None if near is None else expm1(near), apart=None if far is None else expm1(far)
    )


def _two_runs(sd: float, degrees: int) -> power.Spread:
    """Of two runs that are timed apart: each has its own visits."""
    return power.Spread(sqrt(2) * sd, 2 * degrees, sides=2)


def _advice(
    latency: _Latency, memory: float | None, degrees: int, drift: float
) -> tuple[dict[str, str], dict[str, int], list[str]]:
    calls = _calls(latency)
    rounds, margin = _rounds(latency.visit(calls), degrees, _default("latency"))
    told = [f"{calls} calls a visit: more would hardly narrow a visit's mean, whose visits differ by themselves"]
    told.append(_of_rounds("latency", rounds, margin))
    margins = {"latency": _per_cent(margin)}
    if memory is not None:
        _, needed = _rounds(memory, degrees, _default("peak_memory"), most=rounds)
        margins["peak_memory"] = _per_cent(needed)
        told.append(_of_rounds("peak memory", rounds, needed))
    if drift > margin:
        told.append(f"the machine moved by {drift:.1%} here, more than the margin: such timings are inconclusive; "
                    "leave it alone while it measures")  # fmt: skip
    return margins, {"rounds": rounds, "repeats": calls, "warmups": 1}, told


def _default(metric: str) -> float:
    return relative_margin(DEFAULT_MARGINS[metric], metric)


def _calls(latency: _Latency) -> int:
    """So many that what calls differ by is less than half, by variance, of what visits differ by."""
    if latency.between == 0:
        return _FEWEST_CALLS
    return min(max(ceil(2 * (latency.within / latency.between) ** 2), _FEWEST_CALLS), _MOST_CALLS)


def _rounds(sd: float, degrees: int, margin: float, most: int = _MOST_ROUNDS) -> tuple[int, float]:
    """The fewest rounds that settle the margin in 80 %, or the most rounds and the margin, in whole per cent, that
    they settle."""
    spread = _two_runs(sd, degrees)
    for rounds in range(min(_FEWEST_ROUNDS, most), most + 1):
        if power.chance_equivalent(log1p(margin), spread, rounds) >= power.POWER:
            return rounds, margin
    wider = ceil(100 * margin) / 100
    while power.chance_equivalent(log1p(wider), spread, most) < power.POWER and wider < 10:
        wider += 0.01
    return most, round(wider, 2)


def _of_rounds(what: str, rounds: int, margin: float) -> str:
    return f"{rounds} rounds settle a margin of {_per_cent(margin)} on {what} between two runs, 4 times in 5"


def _per_cent(share: float) -> str:
    return f"{100 * share:.3g}%"

"""Numbers and times as people read them. The same number always gives the same text."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from harness.catalog.metrics import CONVERGED, DIVERSITY, METRICS

METRIC_WORDS = {
    "clip_score": "CLIP score",
    "frechet": "Fréchet distance",
    "kid": "KID",
    "cmmd_unbiased": "CMMD (unbiased)",
    "vendi": "Vendi score",
    DIVERSITY: "diversity within a prompt",
    "world_truth": "share of right pictures",
    "world_shape": "share of right shapes",
    "world_colours": "share of right colours",
    "world_size": "share of right sizes",
    "world_place": "share of right places",
    "clip_inside": "CLIP score around the mask",
    "outside_error": "error outside the mask",
    "edge_error": "error at the mask's edge",
    "mix_position": "place between the ends",
    CONVERGED: "distance to the converged picture",
}
WITHOUT_BETTER = ("mix_position", DIVERSITY)  # where a picture stands says neither good nor bad
DIAGNOSTICS = (*WITHOUT_BETTER, CONVERGED)  # no verdict rests on them
KNOB_WORDS = {"guidance_scale": "guidance", "strength": "strength", "prior_strength": "prior strength"}
POINTS = "%-points"  # the unit of a difference of shares
POINTS_WORDS = f"{POINTS} are points of a percentage: from 90 % to 80 % is −10 {POINTS}."
VERDICT_MARKS = {"improved": "▲", "regressed": "▼", "equivalent": "≈", "inconclusive": "?"}


def metric_words(metric: str) -> str:
    """A metric's name in a sentence."""
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def knob_text(knob: str, value: object) -> str:
    """A knob's value as labels have it: "guidance 4"; most values speak for themselves."""
    return f"{KNOB_WORDS[knob]} {value}" if knob in KNOB_WORDS else str(value)


def counts_pictures(metric: str) -> bool:
    """Whether a metric is a share of pictures that are right, and so shown in per cent; other ratios are not."""
    row = METRICS.get(metric)
    return row is not None and row.unit == "share" and row.uses == "judge"


def one_value(metric: str, value: float) -> str:
    """A single picture's value: "84.1" for points and levels, "0.934" for ratios and correlations."""
    row = METRICS.get(metric)
    return number(value, 1 if row is None or row.unit in ("points", "levels") else 3)


def decimals_for(value: float, low: float | None, high: float | None) -> int:
    """Decimals that show two digits of the interval's half-width, or four digits of the number without one."""
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    if half > 0:
        return min(4, max(0, 1 - math.floor(math.log10(half))))
    size = math.floor(math.log10(abs(value))) if value else 0
    return min(4, max(0, 3 - size))


def number(value: float, decimals: int, *, sign: bool = False) -> str:
    """``-0.5`` as "−0.5"; with ``sign`` also "+0.5". Never "−0.0"."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


def span(low: float, high: float, decimals: int, *, sign: bool = False) -> str:
    """An interval: "84.1 to 84.9"."""
    return f"{number(low, decimals, sign=sign)} to {number(high, decimals, sign=sign)}"


def percent(ratio: float, decimals: int = 1, *, sign: bool = False) -> str:
    """``0.031`` as "3.1 %"."""
    return f"{number(100 * ratio, decimals, sign=sign)} %"


def points(difference: float, *, sign: bool = False) -> str:
    """A difference of shares: ``-0.1`` as "−10.0 %-points"."""
    return f"{number(100 * difference, 1, sign=sign)} {POINTS}"


def seconds(value: float) -> str:
    """A time with its best unit and three digits: "85.0 ms", "1.24 s", "3 min 20 s"."""
    if value >= 120:
        return f"{int(value // 60)} min {int(value % 60)} s"
    size, unit = _time_unit(value)
    return f"{three_digits(value / size)} {unit}"


def seconds_span(low: float, high: float) -> str:
    """An interval of times in one unit: "84.1 to 86.0 ms"."""
    size, unit = _time_unit(high)
    return f"{three_digits(low / size)} to {three_digits(high / size)} {unit}"


def _time_unit(value: float) -> tuple[float, str]:
    """The unit in which it has one digit or more before its point, also once it is rounded to three."""
    rounded = value * 1.0005
    return (1.0, "s") if rounded >= 1 else (1e-3, "ms") if rounded >= 1e-3 else (1e-6, "µs")


def three_digits(value: float) -> str:
    """ "1.20", "12.0", "123", "1234"."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def mebibytes(value: float) -> str:
    """Bytes as "123 MiB"."""
    return f"{three_digits(value / 2**20)} MiB"


def moment(milliseconds: int | None) -> str:
    """Unix milliseconds as "2026-11-24 10:05 UTC"; "" for ``None``."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def plural(count: int, noun: str) -> str:
    """ "1 prompt", "2 prompts"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def if_unchanged(*, unchanged: bool) -> str:
    """What a number of prompts that would settle it takes for granted, where it does."""
    return " if nothing changed" if unchanged else ""


def listing(items: list[str], limit: int = 6) -> str:
    """ "a, b and c", cut after ``limit``."""
    if len(items) > limit:
        return ", ".join(items[:limit]) + f" and {len(items) - limit} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)

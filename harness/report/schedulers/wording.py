"""Numbers of this comparison as people read them: a difference with its 95 % interval, a cost against another's."""

from __future__ import annotations

from harness.catalog.metrics import METRICS
from harness.report.schedulers.paired import Difference
from harness.report.schedulers.sweep import Point
from harness.report.sentences import margin_text
from harness.report.text import POINTS, counts_pictures, decimals_for, metric_words, number, plural, seconds, span
from harness.report.view import comparison_of

VERDICTS = (
    "A verdict rests on one-sided tests at 5 % against the margin, adjusted by Holm over the whole run, to which a "
    "90 % interval belongs, so that the 95 % interval of a setting that is equivalent may reach past the margin."
)


def difference_words(metric: str, found: Difference) -> str:
    """ "+0.04"; in points for shares of pictures."""
    if found.value is None:
        return "not known"
    return _with_unit(metric, number(shown_scale(metric) * found.value, _decimals(metric, found), sign=True))


def interval_words(metric: str, found: Difference) -> str:
    """ "−0.09 to +0.17"; why there is none."""
    if found.low is None or found.high is None:
        return found.reason or "no interval"
    low, high = shown_scale(metric) * found.low, shown_scale(metric) * found.high
    return _with_unit(metric, span(low, high, _decimals(metric, found), sign=True))


def evidence_words(point: Point, metric: str) -> str:
    """ "CLIP score +0.04 (95 % interval −0.09 to +0.17, margin 0.5, 64 prompts: equivalent)"."""
    found, judged = point.differences[metric], comparison_of(point.cell, metric)
    interval = (
        f"95 % interval {interval_words(metric, found)}" if found.low is not None else interval_words(metric, found)
    )
    margin = f", margin {margin_text(judged)}" if judged else ""
    verdict = f": {judged.verdict}" if judged else ""
    size = plural(found.n, "prompt")
    return f"{metric_words(metric)} {difference_words(metric, found)} ({interval}{margin}, {size}{verdict})"


def point_words(point: Point) -> str:
    """ "DDIM at 25 steps"."""
    return f"{point.cell.settings.scheduler.label} at {plural(point.steps, 'step')}"


def calls_words(point: Point, reference: Point | None) -> str:
    """ "16 model calls instead of 50"."""
    against = f" instead of {reference.model_calls}" if reference else ""
    return f"{plural(point.model_calls, 'model call')}{against}"


def speed_words(point: Point, reference: Point | None) -> str:
    """The two times, as a factor only where a verdict bears it, and what stands in its way where not."""
    if point.seconds is None:
        return f"not timed ({point.cell.timing_reason or 'no reason was recorded'})"
    mine = f"{seconds(point.seconds)} an image"
    if reference is None or reference.seconds is None:
        return f"{mine}; the reference was not timed"
    both = f"{mine} instead of {seconds(reference.seconds)}"
    judged = comparison_of(point.cell, "latency")
    if judged is None:
        return f"{both} (latency has no margin, so no verdict)"
    if judged.verdict == "improved":
        return f"{both}, {reference.seconds / point.seconds:.2g}× as fast"
    why = f": {judged.reason}" if judged.reason else ""
    return f"{both} ({judged.verdict}{why})"


def shown_scale(metric: str) -> int:
    """What a difference is multiplied by to be shown: 100 for shares of pictures."""
    return 100 if counts_pictures(metric) else 1


def _decimals(metric: str, found: Difference) -> int:
    scale = shown_scale(metric)
    ends = (scale * found.low, scale * found.high) if found.low is not None and found.high is not None else (None, None)
    return min(2, decimals_for(scale * (found.value or 0.0), *ends)) if ends[0] is not None else 2


def unit_of(metric: str) -> str:
    """What follows a difference: "%-points" for a share of pictures, "levels", or nothing for the metric's own unit."""
    row = METRICS.get(metric)
    return POINTS if counts_pictures(metric) else "levels" if row is not None and row.unit == "levels" else ""


def _with_unit(metric: str, text: str) -> str:
    return f"{text} {unit_of(metric)}".rstrip()

"""What a spec wants measured and judged: metrics, margins, converged solutions, the timing pass."""

from __future__ import annotations

import re
from typing import Any

from harness.catalog.metrics import CONVERGED, MARGINS, MEASURES, METRICS, counts_shares
from harness.catalog.own_metrics import own_metrics
from harness.spec.reader import BAD, Reader, is_number, nearest, one_of, shown
from harness.spec.types import ConvergedPlan, TimingPlan

TIMING_DEFAULTS = {"repeats": 4, "rounds": 3, "warmups": 3, "batch": 1}
CONVERGED_DEFAULTS = {"num_inference_steps": 250, "first": 16}
CONVERGED_STEPS = (2, 1000)  # fewest, for some cell must have fewer; most, as of every cell
ALL = "all"  # instead of the first rows
OFF = "off"  # a margin that asks for no verdict
_SHARE = re.compile(r"[0-9]{1,3}([.][0-9]{1,6})?%")


def metrics_of(reader: Reader, value: Any) -> tuple[str, ...] | None:
    """The metrics that a spec names; ``None`` leaves them to the model."""
    if value is None:
        return None
    names = value if isinstance(value, list) else [value]
    if not names:
        reader.bad(("metrics",), "the list is empty", "at least one metric, or no such key for the model's own")
    found = []
    for i, name in enumerate(names):
        place = ("metrics", i) if isinstance(value, list) else ("metrics",)
        if isinstance(name, str) and name in own_metrics().faults:
            reader.bad(place, f"{name}: the plug-in {own_metrics().faults[name]}", "a plug-in that can be loaded")
            continue
        parsed = reader.name(name, place, METRICS, "metric")
        if parsed is not BAD and parsed in found:
            reader.bad(("metrics", i), f"{name} stands in the list twice", "each metric once")
        elif parsed is not BAD:
            found.append(parsed)
    return tuple(found)


def margins_of(reader: Reader, data: dict[str, Any], metrics: tuple[str, ...] | None) -> dict[str, float | str]:
    """Metric or measure → margin: a number in its unit, a share such as ``"3%"``, or ``"off"``: no verdict."""
    value = data.get("margins", {})
    if not isinstance(value, dict):
        reader.bad(("margins",), f"{shown(value)} is no set of margins", "such as {clip_score: 0.3, latency: 3%}")
        return {}
    if value and data.get("compare_to") is None and all(map(_is_off, value.values())):
        reader.bad(("margins",), "margins that are all off, and nothing to compare with", "a margin, or none")
    timed = not _is_off(data.get("timing"))
    found: dict[str, float | str] = {}
    for name, margin in value.items():
        fault = _margin_fault(name, margin, metrics, timed=timed)
        if fault is None:
            found[name] = OFF if _is_off(margin) else margin if isinstance(margin, str) else float(margin)
        else:
            reader.bad(("margins", name), *fault)
    return found


def _margin_fault(
    name: str, margin: Any, metrics: tuple[str, ...] | None, *, timed: bool
) -> tuple[str, str, str | None] | None:
    """What is wrong with a margin, what was expected, and the nearest name; ``None`` for a good one."""
    known = (*MARGINS, *MEASURES)
    if name in METRICS and name not in MARGINS:
        return "no verdict rests on this metric, so that a margin would say nothing", one_of(known, name), None
    if name not in known:
        return "this is no metric or measure", one_of(known, name), nearest(name, known)
    if metrics is not None and name in METRICS and name not in metrics:
        return "a margin for a metric that this spec does not compute", "it among `metrics`, or no margin", None
    if name in MEASURES and not timed and not _is_off(margin):
        return "a margin for what is not measured: timing is off", "a timing pass, or no margin", None
    return None if _is_margin(name, margin) else (*_no_margin(name, margin), None)


def _no_margin(name: str, margin: Any) -> tuple[str, str]:
    """What is wrong with a margin that is none, and what was expected."""
    told, relative = f"{shown(margin)} is no margin", 'a share such as "3%", or off'
    if name in MEASURES:
        return told, relative
    if not counts_shares(name):
        return told, f"a number of at least 0 in the metric's unit, or {relative}"
    if is_number(margin) and margin >= 1:
        told += f" of a share: it would be {100 * margin:g} %-points"
    return told, f"a fraction below 1 (0.05 is 5 %-points), or {relative}"


def _is_margin(name: str, margin: Any) -> bool:
    """A plain number is in the metric's unit; for a share or a measure a fraction, so that 3 cannot pass for 3 %."""
    if _is_off(margin):
        return True
    if isinstance(margin, str):
        return _SHARE.fullmatch(margin) is not None
    return is_number(margin) and 0 <= margin < (1 if name in MEASURES or counts_shares(name) else float("inf"))


def _is_off(value: Any) -> bool:
    """YAML 1.1 reads a bare ``off`` as false."""
    return value is False or value == OFF


def timing_of(reader: Reader, value: Any) -> TimingPlan:
    """The timing pass that a spec asks for."""
    if _is_off(value):
        return TimingPlan(enabled=False, **TIMING_DEFAULTS)
    if not isinstance(value, dict):
        reader.bad(("timing",), f"{shown(value)} is no timing", "off, or such as {repeats: 4, rounds: 3, batch: 1}")
        return TimingPlan(enabled=False, **TIMING_DEFAULTS)
    found = dict(TIMING_DEFAULTS)
    for key, number in value.items():
        low = 2 if key == "rounds" else 1
        if key not in TIMING_DEFAULTS:
            names = tuple(TIMING_DEFAULTS)
            reader.bad(("timing", key), "unknown key", one_of(names), nearest(key, names))
        elif not is_number(number, whole=True) or not low <= number <= 1000:
            reader.bad(("timing", key), f"{shown(number)} will not do", f"a whole number from {low} to 1000")
        else:
            found[key] = number
    return TimingPlan(enabled=True, **found)


def converged_of(reader: Reader, data: dict[str, Any], metrics: tuple[str, ...] | None) -> ConvergedPlan | None:
    """The converged solutions that a spec asks for; ``None`` where no metric looks at them."""
    wanted = CONVERGED in (metrics or ())
    value = data.get("converged", {})
    if "converged" in data and not wanted:
        reader.bad(("converged",), "converged solutions, and no metric that looks at them", f"{CONVERGED} in `metrics`")
    if not isinstance(value, dict):
        example = "such as {num_inference_steps: 250, first: 16}"
        reader.bad(("converged",), f"{shown(value)} says nothing of converged solutions", example)
        value = {}
    found: dict[str, Any] = dict(CONVERGED_DEFAULTS)
    for key, one in value.items():
        expected = _CONVERGED.get(key)
        if expected is None:
            names = tuple(CONVERGED_DEFAULTS)
            reader.bad(("converged", key), "unknown key", one_of(names), nearest(key, names))
        elif not _is_converged(key, one):
            reader.bad(("converged", key), f"{shown(one)} will not do", expected)
        else:
            found[key] = None if one == ALL else one
    return ConvergedPlan(**found) if wanted else None


_CONVERGED = {
    "num_inference_steps": f"a whole number from {CONVERGED_STEPS[0]} to {CONVERGED_STEPS[1]}",
    "first": f"a whole number of at least 1, or {ALL}",
}


def _is_converged(key: str, value: Any) -> bool:
    if key == "first" and value == ALL:
        return True
    low, high = CONVERGED_STEPS if key == "num_inference_steps" else (1, float("inf"))
    return is_number(value, whole=True) and low <= value <= high

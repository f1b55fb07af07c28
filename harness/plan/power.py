"""What a plan could see, as data and in words: computed from earlier runs' spread before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from harness.base import Frozen
from harness.catalog.metrics import MEASURES, METRICS

NEWEST_RUNS = 50  # of a store are looked through
NOTHING_LIKE = (
    "nothing like it (model, task, and of pictures their steps) was measured of enough prompts or visits in the newest "
    f"{NEWEST_RUNS} runs"
)
_BEYOND = 9.0  # a loss of latency or memory of which no exact size is of use
_MARK = {"prompt": "prompts", "visit": "visits"}


class Power(Frozen):
    """One metric of one model and task; sizes are in the metric's unit, of latency and memory shares.

    ``n``: prompts, or visits of the timing pass, that the plan has. The chances are those of a comparison that stands
    worst in Holm's procedure over all of the plan's and has the widest spread. ``smallest_effect``: a harm that is
    called in 80 %. ``equivalent``: chance of that verdict where nothing changed; ``regressed``: where the harm is twice
    the margin. ``needed``: how many it takes for 80 % of the one and 90 % of the other; ``None`` beyond a million.
    """

    metric: str
    model: str
    task: str
    unit: Literal["prompt", "visit"]
    margin: float | None
    n: int
    comparisons: int
    sd: float | None = None  # of one unit's harm; a log ratio for latency and memory
    smallest_effect: float | None = None
    equivalent: float | None = None
    regressed: float | None = None
    needed: int | None = None
    source: str = ""  # what the spread was seen in
    unpaired: bool = False  # the source is one run's own spread: two cells that go together differ by less
    notes: tuple[str, ...] = ()
    reason: str | None = None  # why nothing can be said


def render_power(found: Sequence[Power]) -> str:
    """The section of a plan's text; "" where the plan could compare nothing."""
    if not found:
        return ""
    count = found[0].comparisons
    others = "the only comparison" if count == 1 else f"as the worst placed of {count} comparisons"
    several = len({(one.model, one.task) for one in found}) > 1
    lines = [f"power: what this plan could see, {others}"]
    known = [one for one in found if one.reason is None]
    for one in known:
        lines += [f"  {_name(one, several=several)}: {_told(one)}", f"    {_from(one)}"]
    return "\n".join([*lines, *_unknown([one for one in found if one.reason is not None])])


def _unknown(found: Sequence[Power]) -> list[str]:
    """Each reason once, over the metrics that it takes, and with which models and tasks."""
    reasons: dict[str, list[Power]] = {}
    for one in found:
        reasons.setdefault(str(one.reason), []).append(one)
    return [line for reason, taken in reasons.items() for line in (f"  {reason}:", f"    {_metrics(taken)}")]


def _metrics(found: Sequence[Power]) -> str:
    """ "clip_score, latency (text-to-image with mini-2.2, inpainting with mini-2.2)"."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in found:
        where.setdefault((one.task, one.model), []).append(one.metric)
    alike: dict[str, list[str]] = {}
    for (task, model), metrics in where.items():
        alike.setdefault(", ".join(metrics), []).append(f"{task} with {model}")
    return "; ".join(f"{metrics} ({', '.join(places)})" for metrics, places in alike.items())


def power_json(found: Sequence[Power]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [one.model_dump(mode="json") for one in found]


def _name(one: Power, *, several: bool) -> str:
    return f"{one.metric}, {one.task} with {one.model}" if several else one.metric


def _told(one: Power) -> str:
    units, margin = _MARK[one.unit], size_text(one.metric, one.margin or 0.0)
    if one.smallest_effect is None:
        return f"{one.n} {units} can see nothing; {_needed(one)}"
    seen = f"{one.n} {units} can see a loss of {size_text(one.metric, one.smallest_effect)} (margin {margin}, 80 %)"
    same = f"{100 * (one.equivalent or 0.0):.0f} % of equivalent where nothing changed"
    twice = f"{100 * (one.regressed or 0.0):.0f} % of regressed at twice the margin"
    return f"{seen}; {same}, {twice}; {_needed(one)}"


def _needed(one: Power) -> str:
    units = _MARK[one.unit]
    if one.needed is None:
        return f"no number of {units} settles a margin of {size_text(one.metric, one.margin or 0.0)}"
    return f"{one.needed} {units} are enough" if one.needed <= one.n else f"it takes about {one.needed} {units}"


def _from(one: Power) -> str:
    return "; ".join([one.source, *one.notes])


def size_text(metric: str, size: float) -> str:
    """A size with its unit: "0.62 points", "3.4 %"."""
    if metric in MEASURES:
        return f"{100 * size:.2g} %" if size < 1 else f"{100 * size:.0f} %" if size < _BEYOND else "more than tenfold"
    unit = METRICS[metric].unit if metric in METRICS else ""
    if unit == "share":
        return f"{100 * size:.2g} %-points"
    return f"{size:.2g} {unit}".rstrip()

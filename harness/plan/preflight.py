"""The pre-flight of a plan as data, as text and as JSON. Imports no torch. docs/preflight.md says how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from harness.base import Frozen
from harness.catalog.stacks import Stack, label_of_stack
from harness.plan.fits import ERROR, Change, Fit, Way
from harness.plan.footprint import Case

_GIB = 2**30
_NOTHING, _UNKNOWN = "–", "unknown"
_UNTOLD = {
    "plain-attention": "the scores of plain attention are not counted: it holds more than is said here",
    "attention-slicing": "attention in slices is counted as attention at once",
    "int8-weights": "weights in 8-bit integers are counted as if they were whole",
    "compile": "what a compiled network holds is counted as if it were not compiled",
}


class Group(Frozen):
    """Cells that take the same: their case, their stack, and each cell's work for one picture.

    ``made_together``: rows that are made together, where a timed call takes more: the case's batch is that call's then.
    """

    model: str
    case: Case
    stack: Stack
    image_flops: dict[str, int | None]  # by the cell's id
    fit: Fit
    made_together: int | None = None


class Preflight(Frozen):
    """All groups held against one memory."""

    memory_bytes: int
    device: str | None  # of the catalog, where one was named
    groups: tuple[Group, ...]


def render_preflight(found: Preflight) -> str:
    """A table of the groups, their verdicts first; what makes those fit that do not; and how far to trust it."""
    where = _amount(found.memory_bytes) + (f" of {found.device}" if found.device else "")
    lines = [f"what it takes, held against {where}: {_tally(found.groups)}", *_aligned(_table(found.groups))]
    lines += _unknown(found.groups)
    ways = [line for group in found.groups for line in _ways(group)]
    lines += ["", "what makes it fit, the cheapest that does", *ways, *_costs(found.groups)] if ways else []
    return "\n".join([*lines, "", *(f"  {note}" for note in notes(found))])


def preflight_json(found: Preflight) -> dict[str, Any]:
    """For machines: everything, and how far to trust it."""
    return {**found.model_dump(mode="json"), "error": ERROR, "notes": list(notes(found))}


def notes(found: Preflight) -> tuple[str, ...]:
    """What the numbers are, and what they leave out."""
    stacked = dict.fromkeys(one.name for group in found.groups for one in group.stack)
    return (
        "an estimate from configurations alone, tested to "
        f"{ERROR:.0%}: a cell fits if it does with {ERROR:.0%} more, and is close if only without",
        "a FLOP is one multiplication or addition of a convolution, a matrix product or attention; a step is one call "
        "of the decoder for all rows that it takes at once, with guidance",
        *_sold_as(found),
        "not counted: a device's context, workspaces of kernels, gaps of an allocator",
        *(_UNTOLD[name] for name in stacked if name in _UNTOLD),
    )


def _amount(memory_bytes: int) -> str:
    return f"{memory_bytes / _GIB:.1f} GiB" if memory_bytes >= _GIB else f"{memory_bytes / 2**20:.0f} MiB"


def _sold_as(found: Preflight) -> tuple[str, ...]:
    """Of an amount in powers of ten: makers of cards say GB and mean GiB."""
    count, rest = divmod(found.memory_bytes, 10**9)
    if found.device is not None or rest or found.memory_bytes % _GIB == 0:
        return ()
    return (f"{count} GB are {_amount(found.memory_bytes)}; a card that is sold with {count} GB has {count} GiB: "
            f"`--memory {count}GiB`",)  # fmt: skip


def _tally(groups: Sequence[Group]) -> str:
    """ "2 fit, 1 close, 4 too large"."""
    counts = Counter(_verdict(group) for group in groups)
    words = {"fits": "fits" if counts["fits"] == 1 else "fit"}
    order = ("fits", "close", "too large", _UNKNOWN)
    return ", ".join(f"{counts[one]} {words.get(one, one)}" for one in order if counts[one])


def _verdict(group: Group) -> str:
    return group.fit.verdict or _UNKNOWN


_LEFT = (0, 2)  # columns of words


def _table(groups: Sequence[Group]) -> list[list[str]]:
    kinds = [kind for kind in _KINDS if any(kind in _peaks(group) for group in groups)]
    head = ["verdict", "peak GiB", "cells", "parameters", "weights GiB", "TFLOP a step", "TFLOP an image"]
    return [[*head, *(f"{kind} GiB" for kind in kinds)], *(_row(group, kinds) for group in groups)]


_KINDS = ("prior", "prompt", "encode", "step", "decode")


def _peaks(group: Group) -> dict[str, int]:
    """Stages as columns: the prior's three as the highest of them, the decoder's by their last word."""
    found: dict[str, int] = {}
    for stage in group.fit.stages:
        part, _, name = stage.name.partition(": ")
        kind = "prior" if part == "prior" else name
        found[kind] = max(found.get(kind, 0), stage.bytes)
    return found


def _row(group: Group, kinds: Sequence[str]) -> list[str]:
    known, peaks = group.fit.footprint, _peaks(group)
    if known is None:
        return [_UNKNOWN, _UNKNOWN, _who(group), *(_UNKNOWN,) * (4 + len(kinds))]
    flops = [count for count in group.image_flops.values() if count is not None]
    images = dict.fromkeys(f"{count / 1e12:.3g}" for count in (min(flops), max(flops)))
    sizes = (_gib(peaks[kind]) if kind in peaks else _NOTHING for kind in kinds)
    peak = _gib(group.fit.peak_bytes or 0)
    return [_verdict(group), peak, _who(group), f"{known.parameters:,}", _gib(known.weight_bytes),
            f"{known.step_flops / 1e12:.3g}", " to ".join(images), *sizes]  # fmt: skip


def _gib(count: int) -> str:
    return f"{count / _GIB:.3g}"


def _who(group: Group) -> str:
    case = group.case
    words = [group.model, case.task, f"{case.height}×{case.width}", case.dtype, _rows(group)]
    words += ["combined"] if case.api == "combined" and case.version != "3" else []
    words += ["negative prompts"] if case.negative else []
    return " · ".join([*words, *([label_of_stack(group.stack)] if group.stack else [])])


def _rows(group: Group) -> str:
    """How many rows are made together, or timed if these are more; a part that takes its rows singly is named."""
    case, known = group.case, group.fit.footprint
    if case.api == "combined":
        return "one at a time"
    steps = [stage for stage in known.stages if stage.repeats != "once"] if known else []
    singly = list(dict.fromkeys(stage.part for stage in steps if stage.rows < case.batch))
    apart = group.made_together
    said = [f"timing.batch; {apart} made together"] if apart is not None else []
    said += [f"{', '.join(singly)} one at a time"] if singly else []
    return f"batch {case.batch}" + (f" ({'; '.join(said)})" if said else "")


def _unknown(groups: Sequence[Group]) -> list[str]:
    """Each reason once, over the rows that it takes."""
    reasons: dict[str, list[str]] = {}
    for group in groups:
        if group.fit.footprint is None:
            reasons.setdefault(str(group.fit.reason), []).append(_who(group))
    lines = [
        line for reason, who in reasons.items() for line in (f"  unknown: {reason}", *(f"    {one}" for one in who))
    ]
    return ["", *lines] if lines else []


def _ways(group: Group) -> Iterator[str]:
    fit = group.fit
    if fit.verdict in (None, "fits"):
        return
    yield f"  {_who(group)}"
    if fit.way is None:
        yield "    nothing that is known here: " + str(fit.reason or "it stays close")
        if fit.near_way is not None:
            yield f"    close, within the estimate's error: {_way(fit.near_way)}"
        return
    yield f"    {_way(fit.way)}"
    if fit.lossy_way is not None:
        yield f"    or, if pictures may change: {_way(fit.lossy_way)}"


def _way(way: Way) -> str:
    return f"{' + '.join(map(_told, way.changes))}: {_gib(way.peak_bytes)} GiB"


def _costs(groups: Sequence[Group]) -> list[str]:
    """What each change that is named costs, once."""
    ways = [
        way for group in groups for way in (group.fit.way, group.fit.lossy_way, group.fit.near_way) if way is not None
    ]
    costs = {_whose(change): change.cost for way in ways for change in way.changes}
    return [f"  {name} costs: {cost}" for name, cost in costs.items()]


def _whose(change: Change) -> str:
    return f"a smaller {change.knob}" if change.knob in ("batch_size", "timing.batch") else _told(change)


def _told(change: Change) -> str:
    return change.name if change.knob == "optimizations" else f"{change.knob}: {change.name}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (
        [one.ljust(width) if place in _LEFT else one.rjust(width)
         for place, (one, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )  # fmt: skip
    return [f"  {'  '.join(row)}".rstrip() for row in padded]

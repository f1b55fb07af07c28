"""The pre-flight of a plan as data, as text and as JSON. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.base import Frozen
from harness.catalog.stacks import Stack, label_of_stack
from harness.plan.fits import ERROR, Change, Fit
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
    """Cells that take the same: their case, their stack, and each cell's work for one picture."""

    model: str
    case: Case
    stack: Stack
    image_flops: dict[str, int | None]  # by the cell's id
    fit: Fit


class Preflight(Frozen):
    """All groups held against one memory."""

    memory_bytes: int
    device: str | None  # of the catalog, where one was named
    groups: tuple[Group, ...]


def render_preflight(found: Preflight) -> str:
    """A table of the groups; what makes those fit that do not; and how far to trust it."""
    where = f"{found.memory_bytes / _GIB:.1f} GiB" + (f" of {found.device}" if found.device else "")
    lines = [f"what it takes, held against {where}", *_aligned(_table(found.groups))]
    ways = [line for group in found.groups for line in _ways(group)]
    lines += ["", "what makes it fit, the cheapest in speed", *ways] if ways else []
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
        "not counted: a device's context, workspaces of kernels, gaps of an allocator",
        *(_UNTOLD[name] for name in stacked if name in _UNTOLD),
    )


def _table(groups: Sequence[Group]) -> list[list[str]]:
    kinds = [kind for kind in _KINDS if any(kind in _peaks(group) for group in groups)]
    head = ["", "parameters", "weights GiB", "TFLOP a step", "TFLOP an image", *(f"{kind} GiB" for kind in kinds), ""]
    return [head, *(_row(group, kinds) for group in groups)]


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
        return [_who(group), *(_UNKNOWN,) * (4 + len(kinds)), f"unknown: {group.fit.reason}"]
    flops = [count for count in group.image_flops.values() if count is not None]
    images = dict.fromkeys(f"{count / 1e12:.3g}" for count in (min(flops), max(flops)))
    sizes = (f"{peaks[kind] / _GIB:.3g}" if kind in peaks else _NOTHING for kind in kinds)
    return [_who(group), f"{known.parameters:,}", f"{known.weight_bytes / _GIB:.3g}", f"{known.step_flops / 1e12:.3g}",
            " to ".join(images), *sizes, str(group.fit.verdict)]  # fmt: skip


def _who(group: Group) -> str:
    case = group.case
    words = [group.model, case.task, f"{case.height}×{case.width}", case.dtype, f"batch {case.batch}"]
    words += ["combined"] if case.api == "combined" and case.version != "3" else []
    words += ["negative prompts"] if case.negative else []
    return " · ".join([*words, *([label_of_stack(group.stack)] if group.stack else [])])


def _ways(group: Group) -> Iterator[str]:
    fit = group.fit
    if fit.verdict in (None, "fits"):
        return
    yield f"  {_who(group)}"
    if fit.way is None:
        yield "    nothing that is known here: " + str(fit.reason or "it stays close")
        return
    yield f"    {' + '.join(map(_told, fit.way.changes))}: {fit.way.peak_bytes / _GIB:.3g} GiB"
    yield from (f"      {_told(change)} costs: {change.cost}" for change in fit.way.changes)


def _told(change: Change) -> str:
    return change.name if change.knob == "optimizations" else f"{change.knob}: {change.name}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (
        [one.ljust(width) if place in (0, len(row) - 1) else one.rjust(width)
         for place, (one, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )  # fmt: skip
    return [f"  {'  '.join(row)}".rstrip() for row in padded]

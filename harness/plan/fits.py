"""Whether a case fits into a memory, and the cheapest change of it that does. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from harness.base import Frozen, canonical_json
from harness.catalog.optimizations import RESIDENCES
from harness.catalog.stacks import Stack
from harness.catalog.types import OptimizationChoice
from harness.plan.footprint import Answer, Case, Footprint, peak_bytes, stage_bytes
from harness.plan.residence import resident_for

Verdict = Literal["fits", "close", "too large"]
#: How far an estimate may be from what is measured: the bar that it is tested to (docs/preflight.md has the measured).
ERROR = 0.15


class Change(Frozen):
    """A way to need less memory: its name in a spec, what it costs, whether it changes pictures beyond rounding."""

    name: str
    knob: Literal["dtype", "batch_size", "timing.batch", "optimizations"]
    cost: str
    needs_gpu: bool = False
    lossy: bool = False


def _batch_of(size: int) -> Change:
    cost = "the device is less busy: fewer images a second; pictures are the same but for rounding"
    return Change(name=str(size), knob="batch_size", cost=cost)


def _timed_batch_of(size: int) -> Change:
    cost = "the latency that is measured is one of fewer images at once; the run's own pictures are made as before"
    return Change(name=str(size), knob="timing.batch", cost=cost)


#: From the cheapest to the dearest, beside a smaller batch, which is cheaper than all of them. What leaves the pictures
#: as they are goes before what changes them, and of these the one that moves fewer bytes for each picture goes first;
#: docs/preflight.md has the reasons. A dearer one is looked at only where all cheaper ones together do not do.
#: The MoVQ's slicing and tiling are not here: diffusers' VQModel has neither.
CHANGES: tuple[Change, ...] = (
    Change(name="model-offload", knob="optimizations", cost="each network is copied to the GPU once for each batch",
           needs_gpu=True),
    Change(name="release-prior", knob="optimizations", cost="the pipelines are loaded from disk anew for each batch"),
    Change(name="sequential-offload", knob="optimizations", cost="every layer is copied to the GPU in every call",
           needs_gpu=True),
    Change(name="float16", knob="dtype", cost="no time on a GPU, on a processor perhaps some; pictures change "
           "slightly", lossy=True),
    Change(name="layerwise-casting", knob="optimizations", cost="a cast of each layer's weights in each call; pictures "
           "change", lossy=True),
)  # fmt: skip

Look = Callable[[Case], Answer]
Can = Callable[[Stack], bool]


class Way(Frozen):
    """Changes that make a case fit together, cheapest first, and the peak that they leave."""

    changes: tuple[Change, ...]
    peak_bytes: int


class StagePeak(Frozen):
    """A stage with its weights: bytes at its peak."""

    name: str
    bytes: int


class Fit(Frozen):
    """A case under its own stack, held against a memory. ``None`` with its reason where a number cannot be had.

    ``way``: the cheapest, pictures as they are if that can be. ``lossy_way``: one that costs less time and changes them
    slightly, where ``way`` costs time. ``near_way``: where nothing surely fits, the cheapest that is close.
    """

    footprint: Footprint | None
    stages: tuple[StagePeak, ...] = ()
    peak_bytes: int | None = None
    verdict: Verdict | None = None
    way: Way | None = None
    lossy_way: Way | None = None
    near_way: Way | None = None
    reason: str | None = None


def case_key(case: Case) -> str:
    """The same for equal cases."""
    return canonical_json(case.model_dump(mode="json"))


def fit(case: Case, stack: Stack, memory_bytes: int, look: Look, *, gpu: bool, can: Can = lambda _: True) -> Fit:
    """Hold a case against a memory, and look for a way where it does not surely fit.

    Args:
        case: what is loaded and called.
        stack: its optimizations, with their options.
        memory_bytes: of the device.
        look: a case's footprint.
        gpu: whether weights can be moved between a device and the processor's memory.
        can: whether a plan would take a stack of these, in whatever order.
    """
    found = look(case)
    if found.footprint is None:
        return Fit(footprint=None, reason=found.reason)
    peaks = _stages(case, found.footprint, stack)
    peak = max(stage.bytes for stage in peaks)
    verdict = verdict_of(peak, memory_bytes)
    way = None if verdict == "fits" else cheapest(case, stack, memory_bytes, look, gpu=gpu, can=can)
    lossy = _faster(case, stack, memory_bytes, look, way, can)
    lost = verdict == "too large" and way is None
    sets = _sets(case, stack, CHANGES, gpu=gpu)
    near = _first(sets, case, stack, memory_bytes, look, can, "close") if lost else None
    reason = "no change in the table makes it surely fit" if lost else None
    return Fit(footprint=found.footprint, stages=peaks, peak_bytes=peak, verdict=verdict, way=way, lossy_way=lossy,
               near_way=near, reason=reason)  # fmt: skip


def _faster(case: Case, stack: Stack, memory_bytes: int, look: Look, way: Way | None, can: Can) -> Way | None:
    """A way by another dtype, where the one that was found moves weights and leaves the pictures as they are."""
    if way is None or any(change.lossy for change in way.changes):
        return None
    if not any(change.name in RESIDENCES for change in way.changes):
        return None
    dtypes = [change for change in CHANGES if change.knob == "dtype"]
    return _first(_sets(case, stack, dtypes, gpu=False), case, stack, memory_bytes, look, can)


def by_its_knobs(found: Fit, made: int, timed: int) -> Fit:
    """The same, its smaller batches told by the knobs that are too large: ``batch_size``, ``timing.batch`` or both.

    Args:
        found: what a case came to; its batch is the larger of the two.
        made: rows that are made together.
        timed: rows of a timed call; 0 where nothing is timed.
    """
    ways = {"way": found.way, "lossy_way": found.lossy_way, "near_way": found.near_way}
    return found.model_copy(update={name: way and _by_its_knobs(way, made, timed) for name, way in ways.items()})


def _by_its_knobs(way: Way, made: int, timed: int) -> Way:
    changes: list[Change] = []
    for change in way.changes:
        if change.knob != "batch_size":
            changes.append(change)
            continue
        size = int(change.name)
        changes += [change] * (made > size) + [_timed_batch_of(size)] * (timed > size)
    return way.model_copy(update={"changes": tuple(changes)})


def needs_a_way(case: Case, stack: Stack, memory_bytes: int, look: Look) -> bool:
    """Whether a case does not surely fit under its own stack, so that its variants will be looked at."""
    found = look(case).footprint
    return found is not None and verdict_of(peak_bytes(found, resident_for(case, found, stack)), memory_bytes) != "fits"


def verdict_of(peak: int, memory_bytes: int) -> Verdict:
    """``fits`` even if the estimate is low by its error; ``close`` only if it is not."""
    if peak * (1 + ERROR) <= memory_bytes:
        return "fits"
    return "close" if peak <= memory_bytes else "too large"


def cheapest(
    case: Case, stack: Stack, memory_bytes: int, look: Look, *, gpu: bool, can: Can = lambda _: True
) -> Way | None:
    """The first set of changes, in order of cost, that surely fits; ``None`` if none does."""
    return _first(_sets(case, stack, CHANGES, gpu=gpu), case, stack, memory_bytes, look, can)


def _first(
    sets: Iterator[tuple[Change, ...]],
    case: Case,
    stack: Stack,
    memory_bytes: int,
    look: Look,
    can: Can,
    wanted: Verdict = "fits",
) -> Way | None:
    for changes in sets:
        changed, then = changed_by(case, stack, changes)
        found = look(changed).footprint if can(then) else None
        peak = None if found is None else peak_bytes(found, resident_for(changed, found, then))
        if peak is not None and verdict_of(peak, memory_bytes) == wanted:
            return Way(changes=changes, peak_bytes=peak)
    return None


def variants(case: Case) -> list[Case]:
    """The cases that ``cheapest`` may look at, the case itself among them."""
    found = [changed_by(case, (), changes)[0] for changes in _sets(case, (), CHANGES, gpu=True)]
    return list({case_key(one): one for one in (case, *found)}.values())


def changed_by(case: Case, stack: Stack, changes: Sequence[Change]) -> tuple[Case, Stack]:
    """The case and the stack after the changes; another way to keep weights takes the place of the old."""
    for change in changes:
        if change.knob == "dtype":
            case = case.model_copy(update={"dtype": change.name})
        elif change.knob in ("batch_size", "timing.batch"):
            case = case.model_copy(update={"batch": int(change.name)})
        else:
            kept = [one for one in stack if change.name not in RESIDENCES or one.name not in RESIDENCES]
            stack = (*kept, OptimizationChoice(name=change.name))
    return case, stack


def _sets(case: Case, stack: Stack, known: Sequence[Change], *, gpu: bool) -> Iterator[tuple[Change, ...]]:
    """Every set of changes that can be, so that one costs more than those before it; smaller batches before all."""
    names = {one.name for one in stack}
    open_ = [change for change in known if _possible(change, case, names, gpu=gpu)]
    batches = _batches(case)
    for mask in range(2 ** len(open_)):
        chosen = tuple(change for place, change in enumerate(open_) if mask >> place & 1)
        if not _together({change.name for change in chosen} | names - set(RESIDENCES)):
            continue
        if chosen:
            yield chosen
        yield from ((batch, *chosen) for batch in batches)


def _batches(case: Case) -> list[Change]:
    """Half the batch, half of that, down to one; a combined pipeline takes one row at a time anyway."""
    if case.api != "two-stage":
        return []
    halves = [case.batch >> place for place in range(1, case.batch.bit_length())]
    return [_batch_of(size) for size in halves]


def _possible(change: Change, case: Case, names: set[str], *, gpu: bool) -> bool:
    """Whether a change is one at all for this case."""
    if change.name in names or (change.needs_gpu and not gpu):
        return False
    if change.knob == "dtype":
        return case.dtype == "float32"
    return change.name != "release-prior" or ("prior" in case.parts and case.api == "two-stage")


def _together(names: set[str]) -> bool:
    """As the catalog has it: one way to keep weights, and no stored form under sequential offloading."""
    return len(names & set(RESIDENCES)) <= 1 and not {"sequential-offload", "layerwise-casting"} <= names


def _stages(case: Case, footprint: Footprint, stack: Stack) -> tuple[StagePeak, ...]:
    resident = resident_for(case, footprint, stack)
    return tuple(
        StagePeak(name=stage.name, bytes=stage_bytes(footprint, stage, resident)) for stage in footprint.stages
    )

"""What a plan costs: counted exactly where it can be, forecast from earlier measurements where those exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.base import Frozen
from harness.catalog.metrics import CONVERGED, METRICS
from harness.catalog.schedulers import model_calls
from harness.catalog.stacks import compiles, label_of_stack, touching_prior
from harness.plan.types import Cell, Forecast, InputRow, LoadGroup, Settings, StageCount, TimingPlan

Batch = tuple[Settings, Sequence[InputRow]]  # of one cell
_PNG_BYTES_PER_PIXEL = 1.2
_EMBEDDING_BYTES = 16_384  # an image's embeddings, generator state and features, generously
_WORKER_START_S = 12.0  # importing torch, diffusers and transformers, once for each worker


class Pace(Frozen):
    """What one timed cell says of its like: seconds for one call of the decoder, and for all the rest of an image."""

    model: str
    task: str
    dtype: str
    height: int
    width: int
    call_s: float
    rest_s: float
    load_s: float
    measured_in: str


def forecast(
    cells: Sequence[Cell],
    groups: Sequence[LoadGroup],
    rows: Mapping[str, Sequence[InputRow]],
    metrics: Sequence[str],
    timing: TimingPlan,
    paces: Sequence[Pace],
    told: Sequence[str] = (),
) -> Forecast:
    """Images, model calls, loads, shared stages, seconds and bytes of a plan.

    Model calls are counted for each image, of the quality pass; the timing pass comes on top, as a note says.
    ``rows``: cell's id → the rows that it makes images of. What two cells share is made once, batch by batch.
    """
    having = [cell for cell in cells if cell.settings.prior_num_inference_steps is not None]
    priors = {(_prior_mark(s), *(row.id for row in batch)): (s, batch) for s, batch in _batches(having, rows)}
    made = distinct_batches(cells, rows)
    scored = [cell for cell in cells if not cell.is_converged]
    networks = sum(len({METRICS[name].uses for name in _judged_by(cell, metrics)}) for cell in scored)
    seconds, why = _seconds(cells, groups, rows, timing, paces)
    notes = (*told, *_timing_note(scored, timing, images_of(made)), *why)
    if any(_ends_small(len(rows[cell.id]), cell.settings.batch_size) for cell in cells):
        notes = (*notes, "the last batch of each cell is a smaller one; batch composition is part of a picture's key")
    return Forecast(
        images=images_of(made),
        prior_model_calls=sum(prior_calls_of(s, row) for s, own in priors.values() for row in own),
        decoder_model_calls=decoder_calls_of(made),
        loads=len(groups) * (1 + (timing.rounds if timing.enabled else 0)),
        stages=(
            StageCount(
                stage="prior",
                uses=sum(len(rows[c.id]) for c in having),
                distinct=sum(len(own) for _, own in priors.values()),
            ),
            StageCount(stage="images", uses=sum(len(rows[cell.id]) for cell in cells), distinct=images_of(made)),
            StageCount(stage="features", uses=networks, distinct=networks),
            StageCount(stage="timing", uses=len(scored) * timing.enabled, distinct=len(scored) * timing.enabled),
        ),
        seconds=seconds,
        disk_bytes=sum(_bytes(settings) * len(batch) for settings, batch in made),
        notes=notes,
    )


def _ends_small(rows: int, size: int) -> bool:
    """Whether the last of several batches is a smaller one; a single batch is as large as its rows are."""
    return rows > size and rows % size != 0


def _batches(cells: Sequence[Cell], rows: Mapping[str, Sequence[InputRow]]) -> Iterator[Batch]:
    for cell in cells:
        size, own = cell.settings.batch_size, rows[cell.id]
        yield from ((cell.settings, own[i : i + size]) for i in range(0, len(own), size))


def distinct_batches(cells: Sequence[Cell], rows: Mapping[str, Sequence[InputRow]]) -> list[Batch]:
    """The cells' batches, those that several cells have in common once."""
    found = {
        (settings.model_dump_json(), *(row.id for row in batch)): (settings, batch)
        for settings, batch in _batches(cells, rows)
    }
    return list(found.values())


def images_of(batches: Sequence[Batch]) -> int:
    """How many pictures the batches hold."""
    return sum(len(batch) for _, batch in batches)


def decoder_calls_of(batches: Sequence[Batch]) -> int:
    """Calls of the decoder's network for all of them."""
    return sum(len(batch) * calls_of(settings) for settings, batch in batches)


def _judged_by(cell: Cell, metrics: Sequence[str]) -> list[str]:
    """A cell without a converged solution has nothing to be looked at beside it."""
    own = [name for name in metrics if cell.settings.task in METRICS[name].tasks]
    return [name for name in own if name != CONVERGED or cell.converged is not None]


def _timing_note(cells: Sequence[Cell], timing: TimingPlan, images: int) -> tuple[str, ...]:
    """What the timing pass adds, and how to do without it; ``images``: of the quality pass."""
    if not timing.enabled:
        return ()
    cells_of = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    each, jobs = timing.warmups + timing.repeats, len(cells) * timing.rounds
    again = len(_held_apart(cells)) * timing.rounds
    more = jobs * each * timing.batch
    times = f", {more / images:.1f} times those of the cells" if more > images else ""
    beside = f"; on a processor {again * each} more, of references that are called in turn with other groups' cells"
    return (
        f"the timing pass makes about {more} images more{times}, with nothing else on the machine: {jobs} "
        f"timing jobs ({cells_of} × {timing.rounds} rounds) of {each} calls each ({_warm_ups(timing)} and "
        f"{timing.repeats} timed), {jobs * each} calls in all{beside if again else ''}; `timing: off` leaves them out",
    )


def _held_apart(cells: Sequence[Cell]) -> dict[str, Cell]:
    """A cell → its reference in another group, which on a processor is loaded and called beside it."""
    known = {cell.id: cell for cell in cells}
    heads = {cell.id: known.get(cell.reference or "") for cell in cells}
    return {name: head for name, head in heads.items() if head is not None and head.group != known[name].group}


def _warm_ups(timing: TimingPlan) -> str:
    return "1 warm-up" if timing.warmups == 1 else f"{timing.warmups or 'no'} warm-ups"


def calls_of(settings: Settings) -> int:
    """Calls of the decoder's network for one image; with guidance each call carries the image twice."""
    choice, steps = settings.scheduler, settings.num_inference_steps
    return model_calls(choice.class_name or "", choice.config, steps, taken(steps, settings.strength))


def taken(steps: int, strength: float | None) -> int | None:
    """Steps that a start in the middle leaves; ``None``: the task has no such start."""
    return None if strength is None else started(steps, strength)


def started(steps: int, strength: float | None) -> int:
    """Steps that are left of a start in the middle, as every image-to-image pipeline of diffusers counts them."""
    return steps if strength is None else min(int(steps * strength), steps)


def prior_calls_of(settings: Settings, row: InputRow) -> int:
    """Calls of the prior's network for one image; 0 without a prior.

    A mix calls it once for each of its texts and for the embedding that it is guided away from, an edit once more for
    a negative prompt.
    """
    steps = settings.prior_num_inference_steps or 0
    if settings.task == "interpolation":
        return steps * (1 + sum(item.text is not None for item in row.mix))
    against = steps if settings.prior_strength is not None and row.negative_prompt is not None else 0
    return started(steps, settings.prior_strength) + against


def _prior_mark(settings: Settings) -> tuple[object, ...]:
    own = settings.task if settings.task == "interpolation" or settings.prior_strength is not None else None
    alone = settings.model_dump_json() if settings.api == "combined" else None
    knobs = (settings.prior_guidance_scale, settings.prior_num_inference_steps, settings.prior_strength)
    stack = label_of_stack(touching_prior(settings.optimizations))
    return settings.model, settings.dtype, stack, *knobs, own, alone, settings.weights, settings.batch_size


def _bytes(settings: Settings) -> int:
    return int(settings.height * settings.width * _PNG_BYTES_PER_PIXEL) + _EMBEDDING_BYTES


def _seconds(
    cells: Sequence[Cell],
    groups: Sequence[LoadGroup],
    rows: Mapping[str, Sequence[InputRow]],
    timing: TimingPlan,
    paces: Sequence[Pace],
) -> tuple[float | None, tuple[str, ...]]:
    """Both passes, priced by the nearest earlier measurement; an upper bound, since a batch is cheaper an image.

    A processor's is taken: there references are called beside the cells of other groups.
    """
    total, sources = 0.0, set()
    visits = timing.rounds if timing.enabled else 0
    apart = _held_apart(cells)
    each = visits * (timing.repeats + timing.warmups) * timing.batch
    for cell in cells:
        pace = next((p for p in paces if _alike(p, cell.settings)), None)
        if pace is None:
            return None, (f"seconds: nothing like {cell.settings.model} was timed on this machine yet",)
        image_s = pace.rest_s + pace.call_s * calls_of(cell.settings)
        beside = sum(head is cell for head in apart.values())
        total += image_s * (len(rows[cell.id]) + (0 if cell.is_converged else each * (1 + beside)))
        sources.add(pace.measured_in)
    loads = max((pace.load_s for pace in paces), default=0.0) + _WORKER_START_S
    total += loads * (len(groups) * (1 + visits) + visits * len({cell.group for cell in cells if cell.id in apart}))
    warm = f", with {_warm_ups(timing)} in each visit" if visits else ""
    compiled = any(compiles(cell.settings.optimizations) for cell in cells)
    more = "; what compiling takes comes on top" if compiled else ""
    return total, (f"seconds: at most, from the timings of {', '.join(sorted(sources))}{warm}{more}",)


def _alike(pace: Pace, settings: Settings) -> bool:
    mine = (settings.model, settings.task, settings.dtype, settings.height, settings.width)
    return mine == (pace.model, pace.task, pace.dtype, pace.height, pace.width)

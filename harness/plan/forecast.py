"""What a plan costs: counted exactly where it can be, forecast from earlier measurements where those exist."""

from __future__ import annotations

from collections.abc import Sequence

from harness.base import Frozen
from harness.catalog.metrics import METRICS
from harness.catalog.schedulers import schedulers
from harness.plan.types import Cell, Forecast, LoadGroup, Settings, StageCount, TimingPlan

_PNG_BYTES_PER_PIXEL = 1.2
_EMBEDDING_BYTES = 16_384  # an image's embeddings, generator state and features, generously
_WORKER_START_S = 12.0  # importing torch, diffusers and transformers, once for each worker


class Pace(Frozen):
    """What one timed cell says of its like: seconds for one call of the decoder, and for all the rest of an image."""

    model: str
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
    rows: int,
    metrics: Sequence[str],
    timing: TimingPlan,
    paces: Sequence[Pace],
    told: Sequence[str] = (),
) -> Forecast:
    """Images, model calls, loads, shared stages, seconds and bytes of a plan.

    Model calls are counted for each image, of the quality pass; the timing pass comes on top, as a note says.
    """
    priors = {_prior_mark(cell.settings): cell.settings for cell in cells}
    images = len(cells) * rows
    networks = {METRICS[name].uses for name in metrics}
    seconds, why = _seconds(cells, groups, rows, timing, paces)
    notes = (*told, *_timing_note(cells, timing), *why)
    if not all(rows % cell.settings.batch_size == 0 for cell in cells):
        notes = (*notes, "the last batch of each cell is a smaller one; batch composition is part of a picture's key")
    return Forecast(
        images=images,
        prior_model_calls=sum(rows * s.prior_num_inference_steps for s in priors.values()),
        decoder_model_calls=sum(rows * calls_of(cell.settings) for cell in cells),
        loads=len(groups) * (1 + (timing.rounds if timing.enabled else 0)),
        stages=(
            StageCount(stage="prior", uses=images, distinct=len(priors) * rows),
            StageCount(stage="images", uses=images, distinct=images),
            StageCount(stage="features", uses=len(cells) * len(networks), distinct=len(cells) * len(networks)),
            StageCount(stage="timing", uses=len(cells) * timing.enabled, distinct=len(cells) * timing.enabled),
        ),
        seconds=seconds,
        disk_bytes=sum(_bytes(cell.settings) * rows for cell in cells),
        notes=notes,
    )


def _timing_note(cells: Sequence[Cell], timing: TimingPlan) -> tuple[str, ...]:
    if not timing.enabled:
        return ()
    images = len(cells) * timing.rounds * (timing.repeats + timing.warmups) * timing.batch
    return (f"the timing pass makes about {images} images more, one group alone on the machine at a time",)


def calls_of(settings: Settings) -> int:
    """Calls of the decoder's network for one image; with guidance each call carries the image twice."""
    name = settings.scheduler.class_name
    each = 1 if name is None else schedulers()[name.removesuffix("Scheduler")].model_calls_per_step
    return settings.num_inference_steps * each


def _prior_mark(settings: Settings) -> tuple[object, ...]:
    return (settings.model, settings.dtype, settings.optimizations, settings.prior_guidance_scale,
            settings.prior_num_inference_steps, settings.batch_size)  # fmt: skip


def _bytes(settings: Settings) -> int:
    return int(settings.height * settings.width * _PNG_BYTES_PER_PIXEL) + _EMBEDDING_BYTES


def _seconds(
    cells: Sequence[Cell], groups: Sequence[LoadGroup], rows: int, timing: TimingPlan, paces: Sequence[Pace]
) -> tuple[float | None, tuple[str, ...]]:
    """Both passes, priced by the nearest earlier measurement; an upper bound, since a batch is cheaper an image."""
    total, sources = 0.0, set()
    visits = timing.rounds if timing.enabled else 0
    for cell in cells:
        pace = next((p for p in paces if _alike(p, cell.settings)), None)
        if pace is None:
            return None, (f"seconds: nothing like {cell.settings.model} was timed on this machine yet",)
        image_s = pace.rest_s + pace.call_s * calls_of(cell.settings)
        timed = visits * (timing.repeats + timing.warmups) * timing.batch
        total += image_s * (rows + timed)
        sources.add(pace.measured_in)
    loads = max((pace.load_s for pace in paces), default=0.0) + _WORKER_START_S
    total += loads * len(groups) * (1 + visits)
    return total, (f"seconds: at most, from the timings of {', '.join(sorted(sources))}",)


def _alike(pace: Pace, settings: Settings) -> bool:
    mine = (settings.model, settings.dtype, settings.height, settings.width)
    return mine == (pace.model, pace.dtype, pace.height, pace.width)

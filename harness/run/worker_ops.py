"""What a worker can do: one function an operation, one table. Heavy imports wait until they are needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.catalog.stacks import compiles
from harness.catalog.tasks import TASKS
from harness.catalog.types import Task, WeightsRow
from harness.errors import HarnessError
from harness.plan.types import InputRow
from harness.run.bench import Bench, Finish
from harness.run.protocol import (
    Describe,
    Extract,
    ExtractDone,
    ExtractSet,
    Hello,
    HelloDone,
    Load,
    LoadDone,
    Make,
    MakeDone,
    Request,
    Time,
    Watch,
)
from harness.run.worker_describe import describe
from harness.run.worker_sets import extract_set
from harness.run.worker_timing import time_cell, watch_cell
from harness.spec.types import MixItem
from harness.store.store import open_store


def perform(bench: Bench, request: Request) -> Finish:
    """Do the part of ``request`` that needs the device; the returned function does the rest and gives the answer."""
    return _OPS[type(request)](bench, request)


def _hello(bench: Bench, request: Hello) -> Finish:
    import torch

    from harness.measure.environment import environment
    from harness.measure.memory import resident_bytes

    _settle(request)
    if request.uses == "pipelines":
        import harness.pipelines.decoder  # noqa: F401  (so that idle memory has it, and loading does not)
    torch.zeros(1, device=request.device)  # makes the device's context; one that is not there fails here
    bench.store, bench.device = open_store(Path(request.store)), request.device
    done = HelloDone(environment=environment(request.device), idle_bytes=resident_bytes())
    return lambda: done


def _settle(request: Hello) -> None:
    """Pin threads; deterministic algorithms where they are free. A GPU keeps torch's defaults, as people run it."""
    import torch

    torch.set_num_threads(request.threads)
    if torch.get_num_interop_threads() != 1:  # may be set once only
        torch.set_num_interop_threads(1)
    if request.device == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it is not free, and hides no error of ours


def _load(bench: Bench, request: Load) -> Finish:
    from harness.measure.latency import stopwatch, synchroniser
    from harness.pipelines.failures import release
    from harness.pipelines.load import load_group
    from harness.pipelines.schedulers import describe_own

    if bench.loaded is not None:
        device, bench.loaded = bench.loaded.device, None
        release(device)
    if request.cold and compiles(request.group.optimizations):
        _compile_cold()
    with stopwatch(synchroniser(bench.device)) as lap:
        bench.loaded = load_group(request.group, request.model, bench.device)
    done = LoadDone(load_s=lap.seconds, default_scheduler=describe_own(bench.loaded))
    return lambda: done


def _compile_cold() -> None:
    import torch._inductor.config as inductor

    inductor.force_disable_caches = True


def _make(bench: Bench, request: Make) -> Finish:
    from harness.optimizations.stack import verify_stack
    from harness.pipelines.decoder import run_decoder
    from harness.pipelines.schedulers import build_scheduler
    from harness.pipelines.truncation import truncated_words
    from harness.run.worker_inputs import inputs_of

    store, loaded, settings = bench.kept, bench.pipelines, request.settings
    inputs = inputs_of(bench, settings.task, request.rows, request.hints)
    began = time.perf_counter()
    scheduler, described = build_scheduler(loaded, settings.scheduler, strength=settings.strength)
    prior, prior_made_in, reused = _prior(bench, request, inputs)
    pictures = run_decoder(loaded, settings, scheduler, prior, request.rows, inputs)
    seconds = time.perf_counter() - began
    dropped = truncated_words(loaded, settings, request.rows)
    evidence = verify_stack(loaded, loaded.applied)

    def finish() -> MakeDone:
        from harness.run.worker_files import archive_bytes, png_bytes, sha256

        pngs = {row.id: png_bytes(picture) for row, picture in zip(request.rows, pictures, strict=True)}
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        comment = {"made_in": request.made_in, "made_at": made_at, "scheduler": described, "seconds": seconds}
        comment["prior_made_in"] = prior_made_in
        comment["evidence"] = [one.model_dump(mode="json") for one in evidence]
        comment["truncated"] = [dropped.get(row.id, {}) for row in request.rows]
        store.put("images", request.images_key, archive_bytes(pngs, comment))
        sums = [sha256(png) for png in pngs.values()]
        return MakeDone(image_sha256=sums, prior_reused=reused, scheduler=described, seconds=seconds, evidence=evidence)

    return finish


def _prior(bench: Bench, request: Make, inputs: Any) -> tuple[Any, str, bool]:
    """The prior's result (``None`` where the decoder's pipeline has it in itself), the run that made it, and whether it
    was stored. It is stored at once: the next batch in the queue may want it.
    """
    from harness.pipelines.prior import run_prior
    from harness.pipelines.prior_result import prior_bytes, prior_from
    from harness.run.pictures import metadata_of

    if request.prior_key is None:
        return None, "", False
    stored = None if request.fresh else bench.kept.blobs.find("prior", request.prior_key)
    if stored is not None:
        return prior_from(stored), metadata_of(stored).get("made_in", ""), True
    prior = run_prior(bench.pipelines, request.settings, request.rows, inputs)
    bench.kept.put("prior", request.prior_key, prior_bytes(prior, request.made_in))
    return prior, request.made_in, False


def _extract(bench: Bench, request: Extract) -> Finish:
    from safetensors.numpy import save

    began = time.perf_counter()
    views, make = _views(bench, request), maker_of(bench, request.weights)
    data = save(make(views), metadata={**make.made_by, "made_in": request.made_in})
    bench.kept.put("features", request.features_key, data)
    done = ExtractDone(seconds=time.perf_counter() - began)
    return lambda: done


def _views(bench: Bench, request: Extract) -> list[Any]:
    """Each stored picture with what its task took it from, and the first of them with what they would become."""
    from harness.run.worker_inputs import inputs_of

    pictures, converged = _stored(bench, request.image_keys), _stored(bench, request.converged_keys)
    if len(pictures) != len(request.rows) or len(converged) > len(pictures):
        told = f"There are {len(pictures)} stored pictures for {len(request.rows)} rows"
        raise HarnessError(f"{told}, and {len(converged)} to hold them against.")
    inputs = inputs_of(bench, request.task, request.rows, request.hints)
    each = zip_longest(pictures, request.rows, converged)
    return [_view(picture, row, request.task, inputs, against) for picture, row, against in each]


def _stored(bench: Bench, keys: Sequence[str]) -> list[Any]:
    """The pictures of stored batches, in order: it goes by place, for another run may have named the rows otherwise."""
    from harness.run.worker_files import pictures_of

    return [picture for key in keys for picture in pictures_of(bench.kept.get("images", key)).values()]


def _view(picture: Any, row: InputRow, task: Task, inputs: Any, converged: Any) -> Any:
    from harness.score.view import View

    takes = TASKS[task].inputs
    return View(
        picture=picture,
        prompt=row.prompt,
        image=inputs.pictures[row.image] if "image" in takes and row.image else None,
        caption=row.image_caption if "image" in takes else None,
        mask=inputs.pictures[row.mask] if "mask" in takes and row.mask else None,
        hint=inputs.hints.get(row.id),
        mix=tuple(_thing(item, inputs) for item in row.mix) if "mix" in takes else (),
        converged=converged,
    )


def _thing(item: MixItem, inputs: Any) -> Any:
    return item.text if item.image is None else inputs.pictures[item.image]


def maker_of(bench: Bench, weights: WeightsRow) -> Any:
    """The loaded weights, kept for the next cell."""
    from harness.score.features import load_feature_maker

    name = weights.model_dump_json()
    if name not in bench.makers:
        bench.makers[name] = load_feature_maker(weights, bench.device)
    return bench.makers[name]


_OPS: dict[type[Any], Callable[[Bench, Any], Finish]] = {
    Hello: _hello,
    Describe: describe,
    Load: _load,
    Make: _make,
    Time: time_cell,
    Watch: watch_cell,
    Extract: _extract,
    ExtractSet: extract_set,
}

"""A worker process without torch: the real loop and protocol, and pictures, seconds and features by simple rules.

It starts in a fraction of a second and does on purpose what a real one does by accident. The rules, by a cell's
``num_inference_steps``: a call takes 10 ms a step; the judge sees right from 10 steps on; the CLIP cosine is one
hundredth of the steps, give or take 0.01 by turns. The faults are below.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from harness.base import digest
from harness.catalog.diffusers_table import table
from harness.catalog.world import ATTRIBUTES, VOCABULARIES, parse_caption
from harness.errors import CellError
from harness.measure.environment import machine
from harness.run import worker
from harness.run.bench import Bench
from harness.run.pictures import metadata_of
from harness.run.protocol import (
    Describe,
    DescribeDone,
    Extract,
    ExtractDone,
    ExtractSet,
    Hello,
    HelloDone,
    Load,
    LoadDone,
    Make,
    MakeDone,
    Time,
    TimeDone,
    Watch,
    WatchDone,
)
from harness.run.worker_files import archive_bytes, pictures_of, png_bytes, sha256
from harness.score.pixel_distance import rms_difference
from harness.store.records import Stages
from harness.store.store import open_store

DIES_ONCE, HANGS, NOT_A_NUMBER, DIES_WHEN_TIMED, HANGS_WHEN_TIMED = 91, 92, 93, 94, 95  # steps
DIES_WHEN_SCORED, SEEN_AS_NOT_A_NUMBER, DIES_WHEN_WATCHED = 96, 97, 98  # steps too
HUNGRY_AT_FIRST, FIRST_BYTES = 99, 256 << 20  # on a processor; its first call takes that much, as a compiler would
GPUS = "FAKE_GPUS"
SLOWER, DIFFUSERS = "FAKE_SLOWER", "FAKE_DIFFUSERS"  # a factor of its times; a version
FAILS_AT = "FAKE_FAILS_AT"  # steps of which no picture comes out
DIES_AT = "FAKE_DIES_AT"  # steps of which it dies when it is timed
TORCH = "0.0+fake"
STEP_S = 0.01
SCHEDULER = {"class_name": "DDIMScheduler", "config": {}, "base": "scheduler", "variance_type_removed": True}
_PYTHON = sys.executable
_COUNTS = "made-by-fakes"  # a file in the store: a line for each batch


class NotANumberError(CellError):
    """As the pipelines' own, without torch."""

    kind = "not-a-number"


def _hello(bench: Bench, request: Hello) -> HelloDone:
    bench.store, bench.device = open_store(Path(request.store)), request.device
    with suppress(OSError):  # a greeting needs no disk
        _note(bench.store.root, "hello")
    flags = {"device": request.device, "threads": request.threads}
    return HelloDone(
        environment={**machine(), "torch": flags, "device": {"name": _device(request.device)}}, idle_bytes=1
    )


def _device(name: str) -> str:
    """``FAKE_GPUS=Alpha,Beta`` makes cuda:0 an Alpha and cuda:1 a Beta; there is no other, as torch would say."""
    if name == "cpu":
        return "a fake"
    gpus = [gpu for gpu in os.environ.get(GPUS, "").split(",") if gpu]
    number = int(name.partition(":")[2] or 0)
    if number >= len(gpus):
        raise RuntimeError("The driver on your system is too old" if not gpus else "invalid device ordinal")
    return gpus[number]


def _describe(bench: Bench, request: Describe) -> DescribeDone:
    packages = {"diffusers": os.environ.get(DIFFUSERS, "0.0"), "torch": TORCH}
    return DescribeDone(installed=packages, identities=packages, table=table())


def _load(bench: Bench, request: Load) -> LoadDone:
    bench.loaded = request.group.id
    return LoadDone(load_s=0.5, default_scheduler=SCHEDULER)


def _make(bench: Bench, request: Make) -> Callable[[], MakeDone]:
    assert bench.loaded is not None, "nothing is loaded"
    store, steps = bench.kept, request.settings.num_inference_steps
    assert request.prior_key is not None, "fakes make two stages"
    stored = None if request.fresh else store.find("prior", request.prior_key)
    if stored is None:
        stored = save({"embeds": np.zeros((len(request.rows), 2))}, metadata={"made_in": request.made_in})
        store.put("prior", request.prior_key, stored)
        _note(store.root, "prior")
        reused = False
    else:
        reused = True
    if steps == HANGS:
        threading.Event().wait()
    if steps == NOT_A_NUMBER or str(steps) == os.environ.get(FAILS_AT):
        raise NotANumberError("the pictures hold values that are not finite numbers", do="check the weights")
    pngs = {row.id: png_bytes(_picture(request, i)) for i, row in enumerate(request.rows)}
    comment = {"made_in": request.made_in, "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
               "scheduler": SCHEDULER, "seconds": 0.0, "prior_made_in": metadata_of(stored)["made_in"]}  # fmt: skip

    def finish() -> MakeDone:
        if steps == DIES_ONCE and noted(store.root, "images") and not (store.root / "died").exists():
            (store.root / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        store.put("images", request.images_key, archive_bytes(pngs, comment))
        _note(store.root, "images")
        sums = [sha256(png) for png in pngs.values()]
        return MakeDone(image_sha256=sums, prior_reused=reused, scheduler=SCHEDULER, seconds=0.0)

    return finish


def _picture(request: Make, place: int) -> Any:
    """8×8 pixels; the first one's red says the steps, the others are the row's and the cell's."""
    row, settings = request.rows[place], request.settings
    seed = int(digest([row.prompt, row.seed, settings.model_dump(mode="json", exclude={"model"})])[:8], 16)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels[0, 0, 0] = settings.num_inference_steps
    return pixels


def _note(root: Path, what: str) -> None:
    with (root / _COUNTS).open("a") as file:
        file.write(what + "\n")


def noted(root: Path, what: str) -> int:
    """How many batches of ``what`` (prior, images, timing) fakes have made in a store."""
    path = root / _COUNTS
    return path.read_text().split().count(what) if path.exists() else 0


def _time(bench: Bench, request: Time) -> TimeDone:
    assert bench.loaded is not None, "nothing is loaded"
    steps = request.settings.num_inference_steps
    if steps == DIES_WHEN_TIMED or str(steps) == os.environ.get(DIES_AT):
        os.kill(os.getpid(), signal.SIGKILL)
    if steps == HANGS_WHEN_TIMED:
        threading.Event().wait()
    if request.repeats:
        _note(bench.kept.root, "timing")
    on_device = steps != HUNGRY_AT_FIRST
    if request.warmups and not on_device:
        held = b"\1" * FIRST_BYTES
        time.sleep(0.1)  # for the sampler to see
        del held
    call_s = steps * STEP_S * float(os.environ.get(SLOWER, "1"))
    return TimeDone(
        first_call_s=1.0, steady_s=[call_s] * request.repeats, prior_s=[STEP_S] * request.repeats,
        peak_device_bytes=steps << 20 if on_device else None,
        reserved_device_bytes=steps << 21 if on_device else None,
        used_device_bytes=steps << 22 if on_device else None, largest_pixel_difference=0,
    )  # fmt: skip


def _watch(bench: Bench, request: Watch) -> WatchDone:
    """As many steps as the cell has, 10 ms each; latents of nought where they are wanted."""
    assert bench.loaded is not None, "nothing is loaded"
    steps = request.settings.num_inference_steps
    if steps == DIES_WHEN_WATCHED:
        os.kill(os.getpid(), signal.SIGKILL)
    if request.latents_key:
        bench.kept.put("latents", request.latents_key, save({"latents": np.zeros((steps, 4, 1, 1), np.float32)}))
    stages = Stages(prior_s=STEP_S, steps_s=[STEP_S] * steps, decode_s=STEP_S, latents_key=request.latents_key)
    return WatchDone(stages=stages)


def _extract(bench: Bench, request: Extract) -> ExtractDone:
    pictures = _stored(bench, request.image_keys)
    steps = np.array([picture[0, 0, 0] for picture in pictures])
    if DIES_WHEN_SCORED in steps:
        os.kill(os.getpid(), signal.SIGKILL)
    prompts = tuple(row.prompt for row in request.rows)
    if request.weights.kind == "pixels":
        arrays = _pixels(bench, request, pictures)
    else:
        arrays = {"open_clip": _clip, "judge": _judge, "extractor": _features}[request.weights.kind](steps, prompts)
    data = save(arrays, metadata={"made_in": request.made_in, "torch": TORCH})
    bench.kept.put("features", request.features_key, data)
    _note(bench.kept.root, "features")
    return ExtractDone(seconds=0.0)


def _stored(bench: Bench, keys: tuple[str, ...]) -> list[Any]:
    return [np.asarray(p) for key in keys for p in pictures_of(bench.kept.get("images", key)).values()]


def _pixels(bench: Bench, request: Extract, pictures: list[Any]) -> dict[str, Any]:
    """As a real one has it, for it needs no torch."""
    distances = np.full(len(pictures), np.nan)
    for place, other in enumerate(_stored(bench, request.converged_keys)):
        distances[place] = rms_difference(pictures[place], other)
    return {"converged": distances}


def _clip(steps: Any, prompts: tuple[str, ...]) -> dict[str, Any]:
    cosine = steps / 100 + 0.01 * (-1) ** np.arange(len(steps))
    cosine[steps == SEEN_AS_NOT_A_NUMBER] = np.nan
    texts = np.tile([1.0, 0.0], (len(prompts), 1))
    pictures = np.stack([cosine, np.sqrt(1 - cosine**2)], axis=1)
    return {"image_features": pictures.astype(np.float32), "text_features": texts.astype(np.float32),
            "n_tokens": np.full(len(prompts), 9), "truncated": np.zeros(len(prompts), dtype=np.uint8)}  # fmt: skip


def _judge(steps: Any, prompts: tuple[str, ...]) -> dict[str, Any]:
    scenes = [parse_caption(prompt) for prompt in prompts]
    truth = np.array([scene.indices() if scene else (0,) * 5 for scene in scenes])
    sizes = np.array([len(VOCABULARIES[name]) for name in ATTRIBUTES])
    return {"predictions": np.where((steps >= 10)[:, None], truth, (truth + 1) % sizes)}


def _features(steps: Any, prompts: tuple[str, ...]) -> dict[str, Any]:
    return {"features": np.random.default_rng(0).normal(size=(len(prompts), 16)).astype(np.float32)}


def _extract_set(bench: Bench, request: ExtractSet) -> ExtractDone:
    """As many vectors as there are pictures, which are not looked at; one called "broken" cannot be."""
    folder = Path(request.asked.path or ".")
    if (folder / "broken.png").exists():
        raise CellError("broken.png cannot be decoded")
    count = request.asked.count or len(list(folder.glob("*.png")))
    features = np.random.default_rng(1).normal(size=(count, 16)).astype(np.float32)
    about = {"made_in": request.made_in, "content": request.content or "d" * 64, "pictures": str(count), "of": "fakes"}
    bench.kept.put("features", request.features_key, save({"features": features}, metadata=about))
    _note(bench.kept.root, "sets")
    return ExtractDone(seconds=0.0)


_OPS: dict[type[Any], Callable[[Bench, Any], Any]] = {
    Hello: _hello, Describe: _describe, Load: _load, Make: _make, Time: _time, Watch: _watch, Extract: _extract,
    ExtractSet: _extract_set,
}  # fmt: skip


def perform(bench: Bench, request: Any) -> Callable[[], Any]:
    """As ``worker_ops.perform``."""
    done = _OPS[type(request)](bench, request)
    return done if callable(done) else lambda: done


def install(folder: Path, limits: str = "") -> Path:
    """An executable that stands in for the Python of a worker: ``sys.executable = str(install(folder))``.

    ``limits`` are the shell's, such as ``ulimit -f 0``: no file may grow.
    """
    path = folder / "python"
    path.write_text(f'#!/bin/sh\n{limits}\nexec "{_PYTHON}" "{__file__}"\n')
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    worker.perform = perform
    sys.exit(worker.main())

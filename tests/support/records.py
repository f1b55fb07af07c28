"""Whole runs without a model: valid records, real pictures and features in a real store, made in milliseconds.

The numbers are made up by simple rules, so that a test can say what must come out; nothing is random.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import safetensors.numpy
from support.pictures import draw, pictures_zip
from support.plans import EXTRACTOR, SCORER, make_plan

from harness.base import digest
from harness.plan.types import Cell, InputRow
from harness.store.records import (
    BatchRef,
    CellRecord,
    Comparison,
    Failure,
    Interval,
    Memory,
    RunRecord,
    RunStatus,
    Score,
    Timing,
)
from harness.store.store import Store

BEGAN = datetime(2026, 11, 24, 10, 15, 0, tzinfo=UTC)


def make_run(
    store: Store,
    *,
    cells: int = 2,
    rows: int = 4,
    seeds: int = 1,
    failed: Collection[int] = (),
    pending: Collection[int] = (),
    timed: bool = True,
    name: str = "which-scheduler",
    minute: int = 0,
    status: RunStatus | None = None,
    shared_pictures: bool = True,
) -> str:
    """Keep a whole run in ``store`` and give its id.

    Args:
        store: where records, pictures, priors, features and timings go.
        cells: how many; cell 0 is the reference, the others are compared with it.
        rows: how many images each cell makes, prompt-major; must be a multiple of ``seeds``.
        seeds: seeds for each prompt.
        failed: places of cells that ran out of memory.
        pending: places of cells that were not begun; the run is interrupted then.
        timed: with a timing pass.
        name: the spec's and the run's name.
        minute: minutes after ``BEGAN``; two runs of one name need different ones.
        status: instead of the one that follows from the cells.
        shared_pictures: with another run's pictures where that run made the same ones; else pictures of its own.
    """
    run_id = f"{BEGAN + timedelta(minutes=minute):%Y%m%d-%H%M%S}-{name}-{minute:04x}"
    plan = make_plan(name=name, cells=cells, rows=rows, seeds=seeds, timed=timed)
    began = round(BEGAN.timestamp() * 1000) + 60_000 * minute
    follows: RunStatus = "interrupted" if pending else "failed-cells" if failed else "finished"
    run = RunRecord(
        run_id=run_id,
        name=name,
        plan=plan,
        command=f"harness run {plan.spec_path}",
        started_ms=began,
        finished_ms=began + 10_000 * (cells + 1),
        status=status or follows,
        environment=ENVIRONMENT,
        environment_digest=digest(ENVIRONMENT),
        reused={"prior": cells - 1},
        made={"prior": 1, "images": cells, "features": 2 * cells, "timing": cells},
    )
    store.new_run(run)
    maker = _Maker(store, run, "" if shared_pictures else run_id)
    for place, cell in enumerate(plan.cells):
        if place in failed:
            store.save_cell(maker.failed(place, cell))
        elif place in pending:
            store.save_cell(maker.begun(place, cell))
        else:
            store.save_cell(*maker.done(place, cell))
    return run_id


class _Maker:
    """Makes one run's cells. ``salt`` sets a run's stage keys apart from those of others."""

    def __init__(self, store: Store, run: RunRecord, salt: str) -> None:
        self.store, self.run, self.salt = store, run, salt

    def begun(self, place: int, cell: Cell) -> CellRecord:
        return CellRecord(
            run_id=self.run.run_id,
            cell_id=cell.id,
            label=cell.label,
            settings=cell.settings,
            swept=cell.swept,
            reference=cell.reference,
            is_reference=cell.is_reference,
            status="pending",
        )

    def failed(self, place: int, cell: Cell) -> CellRecord:
        failure = Failure(
            kind="out-of-memory", reason="The device ran out of memory (wanted 2 GiB).", do="lower `size`"
        )
        return self.begun(place, cell).model_copy(update={"status": "failed", "failure": failure, **self._times(place)})

    def done(self, place: int, cell: Cell) -> tuple[CellRecord, list[dict[str, Any]]]:
        batches, rows = [], []
        for inputs in self.run.plan.batches(cell):
            ref, made = self._batch(place, cell, inputs)
            batches.append(ref)
            rows += made
        timing = self._timing(place) if self.run.plan.timing.enabled else None
        timing_key = digest(["timing", self.salt, cell.settings.model_dump(mode="json")]) if timing else ""
        if timing:
            self.store.put("timing", timing_key, timing.model_dump_json().encode())
        changes: dict[str, Any] = {
            "status": "done",
            "batches": batches,
            "features": self._features(cell, len(rows)),
            "scheduler": {"class_name": f"{cell.settings.scheduler.class_name}", "num_train_timesteps": 1000},
            "weights": {
                "decoder": {
                    "place": "miniature/weights/mini-2.2/decoder",
                    "revision": None,
                    "digest": digest("decoder"),
                },
                "prior": {"place": "miniature/weights/mini-2.2/prior", "revision": None, "digest": digest("prior")},
            },
            "scores": self._scores(place, rows),
            "comparisons": self._comparisons(place, cell),
            "timing": timing,
            "timing_key": timing_key,
            "timing_reason": None if timing else "the spec turns timing off",
            "memory": Memory(peak_bytes=(100 + place) * 2**20, kind="resident-over-idle", idle_bytes=400 * 2**20)
            if timing
            else None,
            **self._times(place),
        }
        return self.begun(place, cell).model_copy(update=changes), rows

    def _times(self, place: int) -> dict[str, Any]:
        began = self.run.started_ms + 10_000 * place
        return {"started_ms": began, "finished_ms": began + 9_000 + place}

    def _batch(self, place: int, cell: Cell, inputs: tuple[InputRow, ...]) -> tuple[BatchRef, list[dict[str, Any]]]:
        ids = [row.id for row in inputs]
        key = digest(["images", self.salt, cell.settings.model_dump(mode="json"), ids])
        prior_key = digest(["prior", self.salt, ids])
        made_at = (BEGAN + timedelta(seconds=place)).isoformat(timespec="seconds")
        reused = self.store.has("images", key)
        if not reused:
            origin = {"made_in": self.run.run_id, "made_at": made_at, "scheduler": {}, "seconds": 1.0}
            drawn = {row.id: draw(row, place) for row in inputs}
            self.store.put("images", key, pictures_zip(drawn, origin))
        with zipfile.ZipFile(io.BytesIO(self.store.get("images", key))) as archive:
            sums = [hashlib.sha256(archive.read(f"{row_id}.png")).hexdigest() for row_id in ids]
            known = json.loads(archive.comment)
        if not self.store.has("prior", prior_key):
            self.store.put("prior", prior_key, _prior(len(ids)))
        ref = BatchRef(
            key=key,
            rows=ids,
            image_sha256=sums,
            made_in=known["made_in"],
            made_at=known["made_at"],
            reused=reused,
            prior_key=prior_key,
        )
        rows = [_image_row(row, place, key, total) for row, total in zip(inputs, sums, strict=True)]
        return ref, rows

    def _features(self, cell: Cell, n: int) -> dict[str, str]:
        keys = {}
        for weights in (SCORER, EXTRACTOR):
            key = digest(["features", self.salt, weights, cell.settings.model_dump(mode="json"), n])
            part = "image_features" if weights == SCORER else "features"
            self.store.put("features", key, safetensors.numpy.save({part: np.ones((n, 8), dtype=np.float32)}))
            keys[weights] = key
        return keys

    def _scores(self, place: int, rows: list[dict[str, Any]]) -> list[Score]:
        n, prompts = len(rows), len({row["prompt_id"] for row in rows})
        value = float(np.mean([row["clip_score"] for row in rows]))
        bounds = Interval(low=value - 0.5, high=value + 0.5, level=0.95, method="studentized bootstrap over prompts")
        clip = Score(
            metric="clip_score",
            name=f"clip_score/{SCORER}-1a2b3c4d",
            value=value,
            unit="points",
            direction="higher",
            n=n,
            n_prompts=prompts,
            interval=bounds,
            made_by={"weights": digest(SCORER)},
        )
        enough = prompts >= 64
        frechet = Score(
            metric="frechet",
            name=f"frechet/{EXTRACTOR}-9f8e7d6c",
            value=40.0 - place if enough else None,
            unit="",
            direction="lower",
            n=n,
            n_prompts=prompts,
            interval=None,
            reason=None if enough else f"{prompts} prompts, at least 64 are needed",
        )
        return [clip, frechet]

    def _comparisons(self, place: int, cell: Cell) -> list[Comparison]:
        if cell.reference is None:
            return []
        prompts = len({row.prompt_id for row in self.run.plan.rows})
        bounds = Interval(low=-0.2 * place - 0.1, high=-0.2 * place + 0.1, level=0.9, method="studentized bootstrap")
        return [
            Comparison(
                metric="clip_score",
                reference=cell.reference,
                difference=-0.2 * place,
                interval=bounds,
                margin=0.3,
                verdict="inconclusive",
                p_sign_flip=0.2,
                n=prompts,
                n_to_settle=40,
            )
        ]

    def _timing(self, place: int) -> Timing:
        latency = 0.25 + 0.05 * place
        steady = [latency, latency + 0.01, latency - 0.01, latency, latency + 0.02, latency - 0.02]
        return Timing(
            load_s=[0.8, 0.7],
            first_call_s=[0.6, 0.5],
            steady_s=steady,
            round_of_call=[0, 0, 0, 1, 1, 1],
            prior_s=[0.05] * 6,
            batch=1,
            latency_s=latency,
            latency_interval=Interval(low=latency - 0.02, high=latency + 0.02, level=0.95, method="order statistics"),
            throughput_images_per_s=1 / latency,
            drift=0.004,
            images_match_quality_pass=True,
            largest_pixel_difference=0,
            measured_in=self.run.run_id,
            measured_at=BEGAN.isoformat(timespec="seconds"),
        )


def _image_row(row: InputRow, place: int, key: str, total: str) -> dict[str, Any]:
    cosine = 0.84 - 0.002 * place + 0.001 * (int(row.prompt_id[1:]) % 7)
    return {
        "row_id": row.id,
        "prompt_id": row.prompt_id,
        "prompt": row.prompt,
        "negative_prompt": row.negative_prompt,
        "seed": row.seed,
        "batch_key": key,
        "image_sha256": total,
        "clip_cosine": cosine,
        "clip_score": 100 * cosine,
        "n_tokens": 8,
        "truncated": False,
    }


def _prior(n: int) -> bytes:
    parts = {
        "image_embeds": np.ones((n, 8), dtype=np.float32),
        "negative_image_embeds": np.zeros((n, 8), dtype=np.float32),
        "generator_states": np.zeros((n, 16), dtype=np.uint8),
    }
    return bytes(safetensors.numpy.save(parts))


ENVIRONMENT: dict[str, Any] = {
    "device": "cpu",
    "device_name": "a processor of two cores",
    "threads": 2,
    "python": "3.11.9",
    "versions": {"torch": "2.14.1", "diffusers": "0.42.1"},
    "git": {"commit": "0123abcd", "dirty": False},
}

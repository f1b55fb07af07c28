"""A run over tasks, made outright: rows with pictures, masks, maps and mixes, and what cells record of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save
from support.pictures import pictures_zip
from support.plans import MODEL, make_plan

from harness.base import digest
from harness.catalog.drawing import arrange, depth, draw, paint
from harness.catalog.metrics import METRICS
from harness.catalog.tasks import TASKS
from harness.catalog.types import Task
from harness.catalog.world import scenes
from harness.plan.needs import assets_of, rows_for
from harness.plan.types import Cell, InputRow, Plan, Settings
from harness.spec.knobs import NONE
from harness.spec.types import ESTIMATE, MixItem
from harness.store.records import BatchRef, CellRecord, Interval, RunRecord, Score
from harness.store.store import Store

RUN_ID = "20261124-101500-tasks-3fa9"
VALUES = {
    "clip_score": 84.5, "frechet": 40.0, "world_truth": 0.9, "image_similarity": 91.2, "clip_inside": 80.1,
    "outside_error": 1.25, "edge_error": 6.5, "mix_position": 0.5, "depth_agreement": 0.93, "depth_error": 0.12,
}  # fmt: skip
SCORERS = {"open_clip": "mini-scorer", "extractor": "mini-extractor", "judge": "mini-judge", "depth": "mini-depth"}
_CAPTION = "a small red star, number {}"


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels (h, w) or (h, w, 3) as a PNG."""
    with io.BytesIO() as out:
        Image.fromarray(pixels).save(out, "PNG")
        return out.getvalue()


class TaskRun:
    """A run whose cells are added one by one; its rows bring all that any task needs, or are for one task."""

    def __init__(self, store: Store, rows: int = 3, seeds: tuple[int, ...] = (0,), hint: str = ESTIMATE) -> None:
        self.store = store
        layout = arrange(scenes()[:: 5040 // rows][:rows], np.random.default_rng(7))
        self.images = [self._keep(picture) for picture in paint(layout)]
        self.maps = [self._keep((255 * near).clip(0, 255).astype(np.uint8)) for near in depth(layout)]
        self.masks = [self._keep(_box(at)) for at in range(rows)]
        self.rows = [self._row(at, seed, hint) for at in range(rows) for seed in seeds]
        self.cells: list[Cell] = []
        self.records: list[CellRecord] = []

    def _keep(self, pixels: NDArray[np.uint8]) -> str:
        data = png(pixels)
        key = digest(data.hex())
        self.store.put("inputs", key, data)
        return key

    def _row(self, at: int, seed: int, hint: str) -> InputRow:
        return InputRow(
            id=f"p{at}-s{seed}",
            prompt_id=f"p{at}",
            prompt=_CAPTION.format(at),
            negative_prompt=None,
            seed=seed,
            image=self.images[at],
            mask=self.masks[at],
            hint=ESTIMATE if hint == ESTIMATE else self.maps[at],
            mix=(MixItem(text="a blue circle"), MixItem(image=self.images[at])),
        )

    def cell(self, task: Task, label: str = "", *, angle: float | None = None, **knobs: Any) -> CellRecord:
        """Add a done cell. ``angle``: where the features of its pictures lie on the unit circle, for a mix."""
        settings = _settings(task, knobs)
        cell_id = f"{task}-{digest(settings.model_dump(mode='json'))[:6]}"
        swept = {"task": task} | {knob: str(value) for knob, value in knobs.items()}
        label = label or " · ".join(swept.values())
        known = {"label": label, "settings": settings, "swept": swept, "reference": None, "is_reference": False}
        self.cells.append(Cell(id=cell_id, group="g", **known))
        rows = rows_for(self.rows, task, settings.api)
        known |= {**self._made(cell_id, task, rows), **self._scored(cell_id, rows, task, angle)}
        self.records.append(CellRecord(run_id=RUN_ID, cell_id=cell_id, status="done", **known))
        return self.records[-1]

    def _made(self, cell_id: str, task: Task, rows: Sequence[InputRow]) -> dict[str, Any]:
        shown = draw(scenes()[:: 5040 // len(rows)][: len(rows)], np.random.default_rng(len(self.cells)))
        pictures = {row.id: png(picture) for row, picture in zip(rows, shown, strict=True)}
        self.store.put("images", digest(cell_id), pictures_zip(pictures, {}))
        sums = [hashlib.sha256(data).hexdigest() for data in pictures.values()]
        batch = BatchRef(key=digest(cell_id), rows=list(pictures), image_sha256=sums, made_in=RUN_ID,
                         made_at="2026-11-24T10:15:00+00:00", reused=False)  # fmt: skip
        inputs = {f"{key[:6]} of {row.id}": key for row in rows for key in assets_of(row, task)}
        return {"batches": [batch], "inputs": inputs, "hints": self._hints(task, rows)}

    def _hints(self, task: Task, rows: Sequence[InputRow]) -> dict[str, str]:
        found = {}
        for at, row in enumerate(rows):
            if "hint" in TASKS[task].inputs and row.hint == ESTIMATE:
                found[row.id] = digest(f"estimate {row.image}")
                self.store.put("hints", found[row.id], self.store.get("inputs", self.maps[at % len(self.maps)]))
        return found

    def _scored(self, cell_id: str, rows: Sequence[InputRow], task: Task, angle: float | None) -> dict[str, Any]:
        scores = [_score(metric, len(rows), angle) for metric in TASKS[task].metrics]
        if angle is None:
            return {"scores": scores}
        features = np.tile([np.cos(angle), np.sin(angle)], (len(rows), 1)).astype(np.float32)
        self.store.put("features", digest([cell_id]), save({"image_features": features}))
        return {"scores": scores, "features": {"mini-scorer": digest([cell_id])}}

    def finish(self, **changes: Any) -> tuple[Store, str]:
        """Save all records; gives the store and the run's id."""
        named = dict.fromkeys(metric for cell in self.cells for metric in TASKS[cell.settings.task].metrics)
        self._sweep_together()
        known = {"rows": tuple(self.rows), "cells": tuple(self.cells), "metrics": tuple(named), "groups": ()}
        known |= {"question": "What does each task make of the same rows?", "compare_to": None, **changes}
        plan = Plan(**{**dict(make_plan(name="tasks")), **known})
        about = {"command": "harness run tasks.yaml", "started_ms": 1795515000000, "finished_ms": 1795515300000}
        self.store.new_run(RunRecord(run_id=RUN_ID, name="tasks", plan=plan, status="finished", **about))
        for record in self.records:
            self.store.save_cell(record, self._image_rows(record))
        return self.store, RUN_ID

    def _sweep_together(self) -> None:
        """Each cell names every knob that any names, as a plan's cells do; those it does not have with a dash."""
        knobs = dict.fromkeys(knob for cell in self.cells for knob in cell.swept)
        filled = [{knob: cell.swept.get(knob, NONE) for knob in knobs} for cell in self.cells]
        self.cells = [cell.model_copy(update={"swept": swept}) for cell, swept in zip(self.cells, filled, strict=True)]
        pairs = zip(self.records, filled, strict=True)
        self.records = [record.model_copy(update={"swept": swept}) for record, swept in pairs]

    def _image_rows(self, record: CellRecord) -> list[dict[str, Any]]:
        rows = rows_for(self.rows, record.settings.task, record.settings.api)
        values = {score.metric: score.value for score in record.scores if METRICS[score.metric].per_image}
        return [{"row_id": row.id, "prompt_id": row.prompt_id, **values} for row in rows]


def _box(at: int) -> NDArray[np.uint8]:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[8 + 4 * at : 40 + 4 * at, 16:48] = 255
    return mask


def _settings(task: Task, knobs: dict[str, Any]) -> Settings:
    base = make_plan().cells[0].settings.model_dump()
    defaults = {knob: TASKS[task].defaults.get(knob, 0.5) for knob in TASKS[task].knobs if knob != "weights"}
    return Settings(**{**base, "model": MODEL.name, "task": task, **defaults, **knobs})


def _score(metric: str, n: int, angle: float | None) -> Score:
    row = METRICS[metric]
    value = VALUES[metric] if angle is None else 2 * angle / np.pi
    half = 0.02 * VALUES[metric]
    bounds = Interval(low=value - half, high=value + half, level=0.95, method="studentized bootstrap")
    return Score(metric=metric, name=f"{metric}/x", value=value, unit=row.unit, direction=row.direction, n=n,
                 n_prompts=n, interval=bounds, made_by={"weights": SCORERS.get(row.uses, "pixels")})  # fmt: skip


def every_task(store: Store, **kwargs: Any) -> TaskRun:
    """A cell of each task on the same rows, two of image-to-image, and interpolation at three weights."""
    run = TaskRun(store, **kwargs)
    run.cell("text-to-image")
    for strength in (0.3, 0.6):
        run.cell("image-to-image", strength=strength)
    run.cell("inpainting")
    for weight in (0.0, 0.25, 1.0):
        run.cell("interpolation", angle=weight * np.pi / 2, weights=(1 - weight, weight))
    run.cell("controlnet-depth-text-to-image")
    run.cell("controlnet-depth-image-to-image")
    return run

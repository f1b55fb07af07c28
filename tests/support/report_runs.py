"""Runs to report on: real records and real pictures in a real store, made in milliseconds without a model."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.plan.types import Cell, Forecast, InputRow, Plan, Refusal, SchedulerChoice, Settings, TimingPlan
from harness.store.records import (
    BatchRef,
    CellRecord,
    Comparison,
    Failure,
    Interval,
    Memory,
    RunRecord,
    Score,
    Timing,
)
from harness.store.store import Store, open_store

RUN_ID = "20261124-101500-which-scheduler-3fa9"
COLOURS = [(200, 40, 40), (40, 40, 200), (40, 160, 60), (220, 200, 60)]


class RunBuilder:
    """A run, cell by cell. Numbers are given outright, so that a test knows what the report must say."""

    def __init__(self, root: Path, *, prompts: int = 8, seeds: tuple[int, ...] = (0,), text: str = "") -> None:
        self.store: Store = open_store(root)
        self.text = text  # put into every name and prompt that an outsider could choose
        self.rows = tuple(
            InputRow(
                id=f"p{i}-s{seed}",
                prompt_id=f"p{i}",
                prompt=f"a red star, number {i}{text}",
                negative_prompt=None,
                seed=seed,
            )
            for i in range(prompts)
            for seed in seeds
        )
        self.prompts = prompts
        self.cells: list[Cell] = []
        self.records: list[CellRecord] = []
        self.plan_changes: dict[str, Any] = {}

    def cell(
        self,
        scheduler: str,
        steps: int,
        clip: float | None = None,
        *,
        guidance: float = 4,
        versus: str | None = None,
        verdict: str = "equivalent",
        difference: float = -0.1,
        n_to_settle: int | None = None,
        latency: float | None = None,
        latency_verdict: str = "improved",
        frechet: float | None = 40.0,
        status: str = "done",
        swept: dict[str, Any] | None = None,
        notes: tuple[str, ...] = (),
        made_in: str = RUN_ID,
    ) -> str:
        """Add a cell; ``versus`` is its reference's id. Gives its id."""
        name = scheduler + self.text
        cell_id = re.sub(r"[^A-Za-z0-9-]", "", f"{scheduler}-{steps}-g{guidance:g}")
        label = f"{name} · {steps} steps" + (f" · guidance {guidance:g}" if guidance != 4 else "")
        is_reference = clip is not None and versus is None and self.plan_changes.get("compare_to") is not None
        settings = _settings(name, steps, guidance)
        cell = Cell(
            id=cell_id,
            label=label,
            settings=settings,
            swept=swept or {"scheduler": name, "num_inference_steps": steps},
            group="g",
            reference=versus,
            is_reference=is_reference,
        )
        self.cells.append(cell)
        known = {"run_id": RUN_ID, "cell_id": cell_id, "settings": settings, "swept": cell.swept, "label": label}
        known |= {"reference": versus, "is_reference": is_reference, "status": status}
        if status == "failed":
            reason = f"3 of 8 pictures hold not-a-number values{self.text}"
            known["failure"] = Failure(kind="not-a-number", reason=reason, do="Use dtype float32.")
        if status == "done":
            known |= self._results(cell_id, clip, frechet, latency, made_in)
            known["comparisons"] = self._comparisons(versus, verdict, difference, n_to_settle, latency, latency_verdict)
            known["notes"] = list(notes)
        self.records.append(CellRecord(**known))
        return cell_id

    def _results(
        self, cell_id: str, clip: float | None, frechet: float | None, latency: float | None, made_in: str
    ) -> dict[str, Any]:
        why_not = "8 prompts, at least 64 are needed"
        scores = [
            self._score("clip_score", "clip_score/mini-scorer-1a2b", clip, 0.5, "points", "higher", "no scorer"),
            self._score("frechet", "frechet/mini-extractor-9f8e", frechet, 4.0, "", "lower", why_not),
        ]
        key = hashlib.sha256(cell_id.encode()).hexdigest()
        archive = _pictures(self.rows)
        self.store.put("images", key, archive)
        batch = BatchRef(
            key=key,
            rows=[row.id for row in self.rows],
            image_sha256=sums_of(archive),
            made_in=made_in,
            made_at="2026-11-23T09:00:00+00:00",
            reused=made_in != RUN_ID,
        )
        return {
            "scores": scores,
            "batches": [batch],
            "timing": _timing(latency) if latency else None,
            "timing_reason": None if latency else "the spec turns timing off",
            "memory": Memory(peak_bytes=120 * 2**20, kind="resident-over-idle") if latency else None,
            "scheduler": {"class_name": "DDIMScheduler", "num_train_timesteps": 1000},
            "weights": {"decoder": {"place": "package:miniature", "revision": None, "digest": "abcd1234"}},
            "finished_ms": 1795515300000,
        }

    def _score(
        self, metric: str, name: str, value: float | None, half: float, unit: str, direction: str, why_not: str
    ) -> Score:
        bounds = None
        if value is not None:
            bounds = Interval(low=value - half, high=value + half, level=0.95, method="studentized bootstrap")
        return Score(
            metric=metric,
            name=name,
            value=value,
            unit=unit,
            direction=direction,
            n=len(self.rows),
            n_prompts=self.prompts,
            interval=bounds,
            reason=None if value is not None else why_not,
            made_by={"weights": name[-4:]},
        )

    def _comparisons(
        self,
        versus: str | None,
        verdict: str,
        difference: float,
        n_to_settle: int | None,
        latency: float | None,
        latency_verdict: str,
    ) -> list[Comparison]:
        if versus is None:
            return []
        bounds = Interval(low=difference - 0.15, high=difference + 0.15, level=0.9, method="studentized bootstrap")
        why = "the interval reaches over the margin" if verdict == "inconclusive" else None
        about = {"reference": versus, "n": self.prompts, "n_to_settle": n_to_settle, "reason": why}
        known = {"difference": difference, "interval": bounds, "margin": 0.3, "verdict": verdict, "p_sign_flip": 0.2}
        quality = Comparison(metric="clip_score", **about, **known)
        if latency is None:
            return [quality]
        speed = Interval(low=-0.86, high=-0.82, level=0.9, method="studentized bootstrap")
        about = {"reference": versus, "n": 3, "unit": "visit", "difference": -0.84, "interval": speed, "margin": 0.03}
        return [quality, Comparison(metric="latency", verdict=latency_verdict, **about)]

    def finish(
        self,
        *,
        status: str = "finished",
        changes: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
    ) -> tuple[Store, str]:
        """Save all records; gives the store and the run's id."""
        plan = Plan(**{**_plan(self), **self.plan_changes})
        known = {
            "run_id": RUN_ID,
            "name": "which-scheduler" + self.text,
            "plan": plan,
            "command": "harness run which-scheduler.yaml" + self.text,
            "started_ms": 1795515000000,
            "finished_ms": 1795515300000 if status in ("finished", "failed-cells") else None,
            "status": status,
            "environment": {"device": "cpu", "versions": {"torch": "2.14.1"}} if environment is None else environment,
            "environment_digest": "e" * 64,
        }
        run = RunRecord(**{**known, **(changes or {})})
        self.store.new_run(run)
        for record in self.records:
            if record.status != "pending":
                self.store.save_cell(record, self._image_rows(record))
        return self.store, RUN_ID

    def _image_rows(self, record: CellRecord) -> list[dict[str, Any]] | None:
        if record.status != "done":
            return None
        return [
            {"row_id": row.id, "prompt_id": row.prompt_id, "clip_score": 84.0 + i} for i, row in enumerate(self.rows)
        ]


def _settings(scheduler: str, steps: int, guidance: float) -> Settings:
    return Settings(
        model="mini-2.2",
        task="text-to-image",
        api="two-stage",
        dtype="float32",
        height=64,
        width=64,
        guidance_scale=guidance,
        num_inference_steps=steps,
        prior_guidance_scale=4.0,
        prior_num_inference_steps=25,
        scheduler=SchedulerChoice(label=scheduler, class_name="DDIMScheduler"),
        optimizations=(),
        batch_size=8,
    )


def _timing(latency: float) -> Timing:
    bounds = Interval(low=0.95 * latency, high=1.05 * latency, level=0.95, method="order statistics of the median")
    return Timing(
        load_s=[0.8, 0.7],
        first_call_s=[0.4, 0.5],
        steady_s=[latency] * 10,
        round_of_call=[0] * 5 + [1] * 5,
        prior_s=[0.01] * 10,
        batch=1,
        latency_s=latency,
        latency_interval=bounds,
        throughput_images_per_s=1 / latency,
        drift=0.01,
        images_match_quality_pass=True,
        largest_pixel_difference=0,
        measured_in=RUN_ID,
        measured_at="2026-11-24T10:20:00+00:00",
    )


def _plan(builder: RunBuilder) -> dict[str, Any]:
    return {
        "name": "which-scheduler",
        "question": f"Which scheduler is cheapest?{builder.text}",
        "spec_path": "experiments/which-scheduler.yaml",
        "spec_text": f"name: which-scheduler\nscheduler: [DDIM]  # ```{builder.text}\n",
        "spec_digest": "ab" * 32,
        "models": {},
        "assets": {},
        "rows": builder.rows,
        "cells": tuple(builder.cells),
        "groups": (),
        "refused": (Refusal(swept={"scheduler": "EulerDiscrete"}, reason=f"is silently wrong here{builder.text}"),),
        "compare_to": None,
        "margins": {"clip_score": 0.3, "latency": "3%"},
        "metrics": ("clip_score", "frechet"),
        "timing": TimingPlan(enabled=True, repeats=5, rounds=2, warmups=3, batch=1),
        "cell_timeout_s": None,
        "device": "auto",
        "threads": None,
        "resolved_defaults": {"dtype": "float32"},
        "forecast": Forecast(
            images=1, prior_model_calls=1, decoder_model_calls=1, loads=1, stages=(), seconds=None, disk_bytes=1
        ),
    }


def sums_of(archive: bytes) -> list[str]:
    """The SHA-256 of each picture of an archive, as a record has them."""
    with zipfile.ZipFile(io.BytesIO(archive)) as pictures:
        return [hashlib.sha256(pictures.read(name)).hexdigest() for name in pictures.namelist()]


def _pictures(rows: tuple[InputRow, ...]) -> bytes:
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w") as archive:
            for index, row in enumerate(rows):
                pixels = np.full((64, 64, 3), COLOURS[index % len(COLOURS)], dtype=np.uint8)
                pixels[16:48, 16:48] = COLOURS[(index + 1) % len(COLOURS)]
                with io.BytesIO() as png:
                    Image.fromarray(pixels).save(png, "PNG")
                    archive.writestr(f"{row.id}.png", png.getvalue())
        return out.getvalue()

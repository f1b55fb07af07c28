"""The miniature, really run: more steps come nearer to the converged solution; from itself a scheduler is at none."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load
from support.runs import CAPTIONS, Lab, once

from harness.base import digest
from harness.catalog.weights import WEIGHTS
from harness.run.bench import Bench
from harness.run.protocol import Extract
from harness.run.worker_ops import perform
from harness.store.records import CellRecord, RunRecord

pytestmark = pytest.mark.slow
METRIC, STEPS = "converged_distance", 48
SPEC: dict[str, Any] = {
    "prompts": CAPTIONS[:2], "seeds": [0, 1], "scheduler": ["DDIM", "DPMSolverMultistep"],
    "num_inference_steps": [2, 6, 18, STEPS], "prior_num_inference_steps": 5, "metrics": METRIC,
    "converged": {"num_inference_steps": STEPS}, "exclude": [{"scheduler": "DPMSolverMultistep",
                                                             "num_inference_steps": [2, 18, STEPS]}],
}  # fmt: skip
SOLUTION = f"DDIM · converged, {STEPS} steps"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One run of the miniature by real workers, for the whole module."""

    def make(folder: Path) -> None:
        lab = Lab(folder, Path("mini-2.2"))
        lab.spec(**SPEC)
        assert lab.run().status == "finished"

    return Lab(once(tmp_path_factory, "converged", make), Path("mini-2.2"))


@pytest.fixture(scope="module")
def run(lab: Lab) -> RunRecord:
    return lab.store.load_run(lab.store.run_ids()[0])


def _pictures(lab: Lab, cell: CellRecord) -> list[Any]:
    (batch,) = cell.batches
    with zipfile.ZipFile(io.BytesIO(lab.store.get("images", batch.key))) as archive:
        opened = [Image.open(io.BytesIO(archive.read(f"{row}.png"))) for row in batch.rows]
    return [np.asarray(picture, dtype=np.float64) for picture in opened]


def _values(lab: Lab, run: RunRecord, label: str) -> list[float]:
    rows = lab.store.image_rows(run.run_id, lab.cells(run)[label].cell_id) or []
    return [row[METRIC] for row in rows]


def _rms(one: Any, other: Any) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def test_the_distance_falls_with_the_steps_for_every_prompt(lab: Lab, run: RunRecord) -> None:
    each = [_values(lab, run, f"DDIM · {steps} steps") for steps in (2, 6, 18)]
    by_prompt = np.array(each).reshape(3, 2, 2).mean(axis=2)
    assert (np.diff(by_prompt, axis=0) < 0).all(), by_prompt
    assert by_prompt[-1].max() < by_prompt[0].min() / 2


def test_each_picture_is_held_against_its_own_seed_s(lab: Lab, run: RunRecord) -> None:
    mine, theirs = (_pictures(lab, lab.cells(run)[label]) for label in ("DDIM · 6 steps", SOLUTION))
    found = _values(lab, run, "DDIM · 6 steps")
    assert found == pytest.approx([_rms(one, other) for one, other in zip(mine, theirs, strict=True)])
    exchanged = [_rms(mine[at], theirs[at ^ 1]) for at in range(4)]
    assert min(exchanged) > max(found), "and another seed's picture is farther than any of its own"


def test_each_scheduler_is_held_against_its_own(lab: Lab, run: RunRecord) -> None:
    label, solution = "DPMSolverMultistep · 6 steps", f"DPMSolverMultistep · converged, {STEPS} steps"
    mine, own, ddim = (_pictures(lab, lab.cells(run)[name]) for name in (label, solution, SOLUTION))
    assert _values(lab, run, label) == pytest.approx([_rms(one, other) for one, other in zip(mine, own, strict=True)])
    assert min(_rms(one, other) for one, other in zip(own, ddim, strict=True)) > 0


def test_at_equal_steps_a_scheduler_is_at_no_distance_from_itself(lab: Lab, run: RunRecord) -> None:
    same, solution = lab.cells(run)[f"DDIM · {STEPS} steps"], lab.cells(run)[SOLUTION]
    assert same.scores[0].value is None and "no fewer than" in (same.scores[0].reason or "")
    keys = [tuple(batch.key for batch in cell.batches) for cell in (same, solution)]
    assert keys[0] == keys[1] and _distances(lab, run, *keys) == [0.0] * 4
    other = tuple(batch.key for batch in lab.cells(run)["DDIM · 6 steps"].batches)
    assert _distances(lab, run, other, keys[1]) == _values(lab, run, "DDIM · 6 steps"), "the worker's own numbers"


def _distances(lab: Lab, run: RunRecord, images: tuple[str, ...], converged: tuple[str, ...]) -> list[float]:
    request = Extract(weights=WEIGHTS["pixels"], image_keys=images, converged_keys=converged, task="text-to-image",
                      rows=run.plan.rows, features_key=digest([images, converged]))  # fmt: skip
    perform(Bench(store=lab.store), request)()
    return list(load(lab.store.get("features", request.features_key))["converged"].tolist())

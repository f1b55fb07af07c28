"""Cases of the miniature, in its own folders, and of the real models, by their repositories."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tiny_kandinsky import row_of

from harness.catalog.models import MODELS
from harness.catalog.tasks import default_api, parts_of
from harness.catalog.types import Api, DType, Task, Version
from harness.estimate.footprint import footprint
from harness.pipelines.places import local_folder
from harness.plan.fits import case_key
from harness.plan.footprint import Case, Footprint


def mini_case(
    version: Version,
    task: Task = "text-to-image",
    api: Api | None = None,
    dtype: DType = "float32",
    *,
    batch: int = 1,
    guided: bool = True,
    negative: bool = False,
) -> Case:
    """The case of a miniature at 64×64."""
    model = MODELS[f"mini-{version}"]
    parts = {part: str(local_folder(model.parts[part])) for part in parts_of(model, task)}
    return Case(version=version, task=task, api=api or default_api(version), parts=parts, dtype=dtype, height=64,
                width=64, batch=batch, guided=guided, prior_guided=True, negative=negative)  # fmt: skip


def full_case(version: Version, dtype: DType = "float16", *, side: int = 512, batch: int = 1) -> Case:
    """The case of a real model's text-to-image."""
    model = MODELS[f"kandinsky-{version}"]
    parts = {part: f"hub:{model.parts[part].where}" for part in parts_of(model, "text-to-image")}
    return Case(version=version, task="text-to-image", api=default_api(version), parts=parts, dtype=dtype, height=side,
                width=side, batch=batch, guided=True, prior_guided=True, negative=False)  # fmt: skip


def tiny_case(
    folder: Path, version: Version, task: Task, api: Api | None = None, *, batch: int = 1, negative: bool = False
) -> Case:
    """The case of a tiny model that was saved in a folder."""
    parts = {part: str(folder / part) for part in parts_of(row_of(folder, version), task)}
    return Case(version=version, task=task, api=api or default_api(version), parts=parts, dtype="float32", height=64,
                width=64, batch=batch, guided=True, prior_guided=True, negative=negative)  # fmt: skip


def footprint_of(case: Case) -> Footprint:
    """Its footprint, which is made once for all tests."""
    return _footprint(case_key(case))


@cache
def _footprint(key: str) -> Footprint:
    return footprint(Case.model_validate_json(key))


Asked = tuple[Version, Task, Api, DType, int, bool]
CASES: list[Asked] = [
    ("2.2", "text-to-image", "two-stage", "float32", 4, False),
    ("2.2", "text-to-image", "two-stage", "float32", 2, True),
    ("2.2", "text-to-image", "two-stage", "bfloat16", 4, False),
    ("2.2", "text-to-image", "combined", "float32", 1, False),
    ("2.2", "inpainting", "two-stage", "float32", 2, False),
    ("2.2", "interpolation", "two-stage", "float32", 1, False),
    ("2.2", "controlnet-depth-text-to-image", "two-stage", "float32", 2, False),
    ("2.2", "controlnet-depth-image-to-image", "two-stage", "float32", 1, False),
    ("2.1", "text-to-image", "two-stage", "float16", 2, False),
    ("2.1", "image-to-image", "two-stage", "float32", 2, False),
    ("3", "text-to-image", "combined", "float16", 1, False),
    ("3", "image-to-image", "combined", "float32", 1, False),
]


def case_of(asked: Asked) -> Case:
    """The miniature's case of a line of ``CASES``."""
    version, task, api, dtype, batch, negative = asked
    return mini_case(version, task, api, dtype, batch=batch, negative=negative)

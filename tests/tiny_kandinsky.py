"""Tiny Kandinskys with random weights, in the real formats: for oracles and planted faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tiny_networks import SAVERS

from harness.catalog.models import PARTS
from harness.catalog.tasks import TASKS, default_api
from harness.catalog.types import Api, ModelRow, Place, Task, Version
from harness.pipelines.inputs import Inputs
from harness.plan.types import InputRow, LoadGroup, SchedulerChoice, Settings
from harness.spec.types import MixItem


def save_tiny(folder: Path, version: Version = "2.2") -> Path:
    """The parts of a version below ``folder``, as ``save_pretrained`` writes them; always the same weights.

    Each decoder of 2.x has a model card that names the prior by its absolute path.
    """
    torch.manual_seed(0)
    for part, make in SAVERS[version].items():
        make().save_pretrained(folder / part)
        if part != "prior" and version != "3":
            (folder / part / "README.md").write_text(f"---\nprior:\n- {(folder / 'prior').resolve()}\n---\n")
    return folder


def row_of(folder: Path, version: Version = "2.2") -> ModelRow:
    """The catalog row of a folder with the parts of a version in it."""
    return ModelRow(
        name=f"tiny-{version}",
        version=version,
        parts={p: Place(kind="folder", where=str(folder / p)) for p in PARTS if p in SAVERS[version]},
        size_multiple=64,
        default_size=(64, 64),
        default_dtype="float32",
        scorer="none",
        extractor="none",
    )


def make_group(
    version: Version = "2.2", task: Task = "text-to-image", api: Api | None = None, **changes: Any
) -> LoadGroup:
    """A group of a tiny model in single precision; the form of its API is the guide's first."""
    known = {"dtype": "float32", "optimizations": (), "cells": (), "api": api or default_api(version)}
    return LoadGroup(id="g", model=f"tiny-{version}", task=task, **{**known, **changes})


GROUP = make_group()


def make_settings(
    version: Version = "2.2", task: Task = "text-to-image", api: Api | None = None, **changes: Any
) -> Settings:
    """Settings of a small cell, with changes."""
    known: dict[str, Any] = {
        "dtype": "float32",
        "height": 64,
        "width": 64,
        "guidance_scale": 4.0,
        "num_inference_steps": 3,
        "prior_guidance_scale": None if version == "3" else 4.0,
        "prior_num_inference_steps": None if version == "3" else 2,
        "strength": 0.7 if "image-to-image" in task else None,
        "prior_strength": 0.6 if task == "controlnet-depth-image-to-image" else None,
        "scheduler": SchedulerChoice(label="model default", class_name=None),
        "optimizations": (),
        "batch_size": 4,
    }
    form = api or default_api(version)
    return Settings(model=f"tiny-{version}", task=task, api=form, **{**known, **changes})


def make_rows(n: int, negative: Any = None, task: Task = "text-to-image") -> tuple[InputRow, ...]:
    """``n`` rows with different prompts, seeds, pictures, masks, hints and mixtures, as the task needs them.

    ``negative`` is a word, ``None``, or one of these for each row.
    """
    negatives = negative if isinstance(negative, list) else [negative] * n
    prompts = ("a red star", "a blue circle", "", "one of seven green squares in a long row, cut off")
    return tuple(
        InputRow(
            id=f"p{i}-s{7 + i}",
            prompt_id=f"p{i}",
            prompt=prompts[i % 4],
            negative_prompt=negatives[i],
            seed=7 + i,
            **_brought(task, i),
        )
        for i in range(n)
    )


def _brought(task: Task, i: int) -> dict[str, Any]:
    everything = {
        "image": {"image": f"image-{i}"},
        "mask": {"mask": f"mask-{i}"},
        "hint": {"hint": f"hint-{i}"},
        "mix": {
            "mix": (MixItem(text="a cat"), MixItem(image=f"image-{i}"), MixItem(image=f"image-{i + 1}")),
            "weights": (0.3, 0.3, 0.4),
        },
    }
    return {field: value for name in TASKS[task].inputs for field, value in everything[name].items()}


def make_inputs(height: int = 64, width: int = 64) -> Inputs:
    """Pictures, masks and hints for ten rows of any task, at a size."""
    rng = np.random.default_rng(0)
    pictures = {f"image-{i}": _picture(rng, height, width) for i in range(10)}
    masks = {f"mask-{i}": _mask(i, height, width) for i in range(10)}
    hints = {f"p{i}-s{7 + i}": _picture(rng, height, width).convert("L") for i in range(10)}
    return Inputs({**pictures, **masks}, hints)


def _picture(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    """A few coarse patches of colour: something that survives a resize."""
    patches = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height))


def _mask(i: int, height: int, width: int) -> Image.Image:
    """A white box, another one for each row."""
    white = np.zeros((height, width), np.uint8)
    white[: height // 2, 4 * i : width // 2 + 4 * i] = 255
    return Image.fromarray(white)

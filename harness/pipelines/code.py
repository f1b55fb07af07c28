"""The bare diffusers code, written as diffusers' guide writes it, that makes the same pixels as the harness.

It is for people: to see what a cell is, to take it elsewhere, to report a bug upstream. It makes text only; no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.catalog.scheduler_rows import BARE
from harness.catalog.tasks import TASKS, parts_of, pipelines_of
from harness.catalog.types import ModelRow, PartName
from harness.pipelines.code_calls import Batch, calls
from harness.pipelines.code_optimizations import hooks_bring_weights, optimization_imports, optimization_lines
from harness.pipelines.code_scheduler import (
    adapter_call,
    adapter_kind,
    adapter_source,
    scheduler_class,
    scheduler_lines,
)
from harness.pipelines.code_words import place_words
from harness.plan.types import InputRow, Settings


def show_code(
    settings: Settings,
    model: ModelRow,
    rows: Sequence[InputRow],
    scheduler: Mapping[str, Any],
    *,
    device: str = "cpu",
    threads: int | None = None,
    pictures: Mapping[str, Path] | None = None,
    hints: Mapping[str, Path] | None = None,
) -> str:
    """Python that makes the pictures of one batch, bit for bit, and saves each as ``<row id>.png``.

    Args:
        settings: of the cell.
        model: its row; a hub's revision should be the resolved one.
        rows: the whole batch: other company changes a picture's last bits.
        scheduler: the record of ``schedulers.build_scheduler`` (``CellRecord.scheduler``); empty if
            nothing was made yet.
        device: where it was made.
        threads: of a CPU worker; another number may change the last bits.
        pictures: the PNG file of each picture and mask, by its asset's key.
        hints: the PNG file of each row's hint, by the row's id.
    """
    batch = Batch(settings, model.version, tuple(rows), device, dict(pictures or {}), dict(hints or {}))
    parts = [
        _imports(settings, model, scheduler, threads),
        adapter_source(settings, model, scheduler),
        *_loads(settings, model, device),
        scheduler_lines(settings, model, scheduler, decoder_name(settings, model)),
        _joined(settings, model),
        adapter_call(settings, model, scheduler, "pipeline.decoder_pipe" if joins(settings, model) else "pipeline"),
        _optimized(settings, model, device),
        *calls(batch),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _optimized(settings: Settings, model: ModelRow, device: str) -> str:
    """A combined pipeline of 2.x runs its inner ones."""
    prior = "prior_pipeline" if "prior" in parts_of(model, settings.task) else None
    if joins(settings, model):
        return optimization_lines(settings, "pipeline.decoder_pipe", "pipeline.prior_pipe", device)
    return optimization_lines(settings, "pipeline", prior, device)


def decoder_name(settings: Settings, model: ModelRow) -> str:
    """The variable that holds the decoder: a combined pipeline of 2.x is made from it."""
    return "decoder" if joins(settings, model) else "pipeline"


def joins(settings: Settings, model: ModelRow) -> bool:
    """Whether two loaded parts make one combined pipeline."""
    return settings.api == "combined" and model.version != "3"


def _imports(settings: Settings, model: ModelRow, known: Mapping[str, Any], threads: int | None) -> str:
    classes = pipelines_of(settings.task, model.version)
    names = {_class_of(part, settings, model) for part in parts_of(model, settings.task)}
    names |= {str(classes.combined)} if joins(settings, model) else set()
    if scheduler_lines(settings, model, known, ""):
        names |= {scheduler_class(settings, known)} - {""}
    needed = TASKS[settings.task].inputs
    adapted = adapter_kind(settings, known) != BARE
    first = ["import inspect", "from typing import Any", ""] if adapted else []
    first += ["import numpy as np"] if adapted or {"mask", "hint"} & set(needed) else []
    last = ["from diffusers.schedulers.scheduling_utils import SchedulerOutput"] if adapted else []
    last += ["from PIL import Image"] if needed else []
    last += optimization_imports(settings)
    pin = ["", f"torch.set_num_threads({threads})"] if threads is not None else []
    return "\n".join([*first, "import torch", f"from diffusers import {', '.join(sorted(names))}", *last, *pin])


def _class_of(part: PartName, settings: Settings, model: ModelRow) -> str:
    classes = pipelines_of(settings.task, model.version)
    return str(classes.prior if part == "prior" else classes.decoder or classes.combined)


def _loads(settings: Settings, model: ModelRow, device: str) -> list[str]:
    variables = {"prior": "prior_pipeline", TASKS[settings.task].part: decoder_name(settings, model)}
    lines = [
        f"{variables[part]} = {_class_of(part, settings, model)}.from_pretrained(\n"
        f"    {place_words(model.parts[part])}, dtype=torch.{settings.dtype}, use_safetensors=True\n"
        ")" + ("" if hooks_bring_weights(settings) else f'.to("{device}")')
        for part in parts_of(model, settings.task)
    ]
    return ["\n".join(lines)]


def _joined(settings: Settings, model: ModelRow) -> str:
    if not joins(settings, model):
        return ""
    return (
        f"pipeline = {pipelines_of(settings.task, model.version).combined}(\n"
        "    **decoder.components,\n"
        '    **{f"prior_{name}": component for name, component in prior_pipeline.components.items()},\n'
        ")"
    )

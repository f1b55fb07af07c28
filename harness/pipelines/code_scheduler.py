"""The lines of the shown code that change the decoder's scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow
from harness.pipelines.code_words import place_words, quoted
from harness.plan.types import Settings

_READ_VARIANCE = ("", "DDPMScheduler", "DDPMParallelScheduler")


def scheduler_lines(settings: Settings, model: ModelRow, known: Mapping[str, Any], holder: str) -> str:
    """What gives ``holder`` (a variable) the cell's scheduler; empty for the model's own, as loaded."""
    choice, where = settings.scheduler, place_words(model.parts[TASKS[settings.task].part])
    name = scheduler_class(settings, known)
    base = known.get("base", choice.subfolder or "scheduler")
    removed = known.get("variance_type_removed", name not in _READ_VARIANCE)
    if choice.class_name is None and not choice.config and base == "scheduler" and not removed:
        return ""
    name = name or f"type({holder}.scheduler)"
    overrides = "".join(f", {key}={value!r}" for key, value in choice.config.items())
    if base != "scheduler" and not removed:
        source = f"{where}, subfolder={quoted(base)}{overrides}"
        return f"{holder}.scheduler = {name}.from_pretrained(\n    {source}\n)"
    config, lines = f"{holder}.scheduler.config", []
    if base != "scheduler":
        config = f"{name}.load_config({where}, subfolder={quoted(base)})"
    if removed:
        lines.append("# Only DDPM's step reads the learned variance: for another class the pipeline must drop it.")
        lines.append(f'config = {{key: value for key, value in {config}.items() if key != "variance_type"}}')
        config = "config"
    return "\n".join([*lines, f"{holder}.scheduler = {name}.from_config({config}{overrides})"])


def scheduler_class(settings: Settings, known: Mapping[str, Any]) -> str:
    """The class that was asked for, or that the record names; empty if nobody knows yet."""
    return settings.scheduler.class_name or str(known.get("class_name", ""))

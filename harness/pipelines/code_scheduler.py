"""The lines of the shown code that change the decoder's scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
from harness.catalog.scheduler_rows import BARE, READS_VARIANCE
from harness.catalog.schedulers import SUFFIX, adapter_of, scheduler_row, schedulers
from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow
from harness.pipelines.code_words import place_words, quoted
from harness.plan.types import Settings

_ADAPTER = Path(harness.__file__).parent / "schedulers" / "adapter.py"


def scheduler_lines(settings: Settings, model: ModelRow, known: Mapping[str, Any], holder: str) -> str:
    """What gives ``holder`` (a variable) the cell's scheduler; empty for the model's own, as loaded."""
    choice, where = settings.scheduler, place_words(model.parts[TASKS[settings.task].part])
    name, how = scheduler_class(settings, known), adapter_kind(settings, known)
    base = known.get("base", choice.subfolder or "scheduler")
    removed = known.get("variance_type_removed", name not in ("", *READS_VARIANCE))
    if choice.class_name is None and not choice.config and base == "scheduler" and not removed and how == BARE:
        return ""
    name = name or f"type({holder}.scheduler)"
    overrides = "".join(f", {key}={value!r}" for key, value in choice.config.items())
    lines = []
    if how == "edm":
        lines.append(_noise_range(name, holder))
        overrides += "".join(f", {key}={key}" for key in ("sigma_min", "sigma_max") if key not in choice.config)
    if base != "scheduler" and not removed:
        made = f"{name}.from_pretrained(\n    {where}, subfolder={quoted(base)}{overrides}\n)"
    else:
        config = f"{name}.load_config({where}, subfolder={quoted(base)})" if base != "scheduler" else ""
        config = config or f"{holder}.scheduler.config"
        if removed:
            lines.append("# Only DDPM's step reads the learned variance: for another class the pipeline must drop it.")
            lines.append(f'config = {{key: value for key, value in {config}.items() if key != "variance_type"}}')
            config = "config"
        made = f"{name}.from_config({config}{overrides})"
    return "\n".join([*lines, _given(settings, holder, made, how)])


def _given(settings: Settings, holder: str, made: str, how: str) -> str:
    if how == BARE:
        return f"{holder}.scheduler = {made}"
    words = ["    scheduler"]
    if how == "edm":
        words.append(f"    alphas_cumprod={holder}.scheduler.alphas_cumprod")
    if settings.strength is not None:
        words.append(f"    strength={settings.strength!r}")
    words += [f"    {key}={value!r}" for key, value in settings.scheduler.step.items()]
    inside = ",\n".join(words)
    return f"scheduler = {made}\n{holder}.scheduler = KandinskyScheduler(\n{inside},\n)"


def _noise_range(name: str, holder: str) -> str:
    own = scheduler_row(name).parameters
    return (
        f"alphas_cumprod = {holder}.scheduler.alphas_cumprod\n"
        "sigmas = ((1 - alphas_cumprod) / alphas_cumprod).sqrt()\n"
        f"sigma_min, sigma_max = max(float(sigmas[0]), {own['sigma_min']}), min(float(sigmas[-1]), {own['sigma_max']})"
    )


def adapter_kind(settings: Settings, known: Mapping[str, Any]) -> str:
    """Which adapter the cell's scheduler takes: a word of ``SchedulerRow.adapter``."""
    name, choice = scheduler_class(settings, known), settings.scheduler
    config = {**known.get("config", {}), **choice.config}
    return adapter_of(name, config, choice.step) if name.removesuffix(SUFFIX) in schedulers() else BARE


def adapter_source(settings: Settings, model: ModelRow, known: Mapping[str, Any]) -> str:
    """The adapter's own source, after its imports: what is shown is what runs; empty where none is needed."""
    if adapter_kind(settings, known) == BARE:
        return ""
    text = _ADAPTER.read_text(encoding="utf-8")
    whole = text[text.index("class KandinskyScheduler") :].strip()
    return whole if adapter_call(settings, model, known, "") else whole[: whole.index("def index_with")].strip()


def adapter_call(settings: Settings, model: ModelRow, known: Mapping[str, Any], pipeline: str) -> str:
    """What else the adapter asks of the pipeline that runs; empty where that is nothing."""
    asked = (settings.task, model.version) == ("image-to-image", "2.1") and adapter_kind(settings, known) != BARE
    return f"index_with_whole_numbers({pipeline})" if asked else ""


def scheduler_class(settings: Settings, known: Mapping[str, Any]) -> str:
    """The class that was asked for, or that the record names; empty if nobody knows yet."""
    return settings.scheduler.class_name or str(known.get("class_name", ""))

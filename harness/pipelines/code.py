"""The bare diffusers code, written as diffusers' guide writes it, that makes the same pixels as the harness.

It is for people: to see what a cell is, to take it elsewhere, to report a bug upstream. It makes text only; no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.catalog.types import ModelRow, Place
from harness.pipelines.places import PIPELINE_CLASS, PartName, local_folder
from harness.pipelines.rows import prior_parts
from harness.plan.types import InputRow, Settings


def show_code(
    settings: Settings,
    model: ModelRow,
    rows: Sequence[InputRow],
    scheduler: Mapping[str, Any],
    *,
    device: str = "cpu",
    threads: int | None = None,
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
    """
    parts = [
        _imports(model, settings, scheduler, threads),
        _load(model, settings, device),
        _scheduler(model, settings, scheduler),
        _prior(settings, rows),
        _decoder(settings, rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _imports(model: ModelRow, settings: Settings, scheduler: Mapping[str, Any], threads: int | None) -> str:
    names = {*PIPELINE_CLASS.values(), _scheduler_class(settings, scheduler)} - {""}
    if not _scheduler(model, settings, scheduler):
        names = {*PIPELINE_CLASS.values()}
    pin = f"\n\ntorch.set_num_threads({threads})" if threads is not None else ""
    return f"import torch\nfrom diffusers import {', '.join(sorted(names))}{pin}"


def _load(model: ModelRow, settings: Settings, device: str) -> str:
    places: dict[PartName, Place] = {"prior": model.prior, "decoder": model.decoder}
    variables: dict[PartName, str] = {"prior": "prior_pipeline", "decoder": "pipeline"}
    return "\n".join(
        f"{variables[part]} = {PIPELINE_CLASS[part]}.from_pretrained(\n"
        f"    {_where(place)}, torch_dtype=torch.{settings.dtype}, use_safetensors=True\n"
        f').to("{device}")'
        for part, place in places.items()
    )


def _where(place: Place) -> str:
    folder = local_folder(place)
    words = [_quoted(place.where if folder is None else str(folder))]
    if place.kind == "hub" and place.revision is not None:
        words.append(f"revision={_quoted(place.revision)}")
    if place.variant is not None:
        words.append(f"variant={_quoted(place.variant)}")
    return ", ".join(words)


def _scheduler(model: ModelRow, settings: Settings, known: Mapping[str, Any]) -> str:
    choice = settings.scheduler
    name = _scheduler_class(settings, known)
    base = known.get("base", choice.subfolder or "scheduler")
    removed = known.get("variance_type_removed", name not in ("", "DDPMScheduler", "DDPMParallelScheduler"))
    if choice.class_name is None and not choice.config and base == "scheduler" and not removed:
        return ""  # the model's own, as loaded
    name = name or "type(pipeline.scheduler)"
    overrides = "".join(f", {key}={value!r}" for key, value in choice.config.items())
    if base != "scheduler" and not removed:
        source = f"{_where(model.decoder)}, subfolder={_quoted(base)}{overrides}"
        return f"pipeline.scheduler = {name}.from_pretrained(\n    {source}\n)"
    config, lines = "pipeline.scheduler.config", []
    if base != "scheduler":
        config = f"{name}.load_config({_where(model.decoder)}, subfolder={_quoted(base)})"
    if removed:
        lines.append("# Only DDPM's step reads the learned variance: for another class the pipeline must drop it.")
        lines.append(f'config = {{key: value for key, value in {config}.items() if key != "variance_type"}}')
        config = "config"
    return "\n".join([*lines, f"pipeline.scheduler = {name}.from_config({config}{overrides})"])


def _scheduler_class(settings: Settings, known: Mapping[str, Any]) -> str:
    return settings.scheduler.class_name or str(known.get("class_name", ""))


def _prior(settings: Settings, rows: Sequence[InputRow]) -> str:
    seeds = ", ".join(str(row.seed) for row in rows)
    head = f"generators = [torch.Generator().manual_seed(seed) for seed in [{seeds}]]\n"
    if len(prior_parts(rows)) == 1:
        return head + _prior_call(settings, rows, "image_embeds, negative_image_embeds", "generators")
    parts = []
    for part in prior_parts(rows):
        chosen = f"[generators[i] for i in {part}]"
        call = _prior_call(settings, [rows[i] for i in part], "wanted, unwanted", chosen)
        parts.append(
            f"{call}\nfor i, *both in zip({part}, wanted, unwanted):\n"
            "    image_embeds[i], negative_image_embeds[i] = both"
        )
    empty = "image_embeds, negative_image_embeds = {}, {}"
    stack = "\n".join(
        f"{name} = torch.stack([{name}[i] for i in range({len(rows)})])"
        for name in ("image_embeds", "negative_image_embeds")
    )
    return "\n".join([head + empty, *parts, stack])


def _prior_call(settings: Settings, rows: Sequence[InputRow], names: str, generators: str) -> str:
    lines = [f"prompt = {_listed([row.prompt for row in rows])}"]
    negative = [row.negative_prompt for row in rows if row.negative_prompt is not None]
    if negative:
        lines.append(f"negative_prompt = {_listed(negative)}")
    lines += [
        f"{names} = prior_pipeline(",
        f"    prompt, {'negative_prompt, ' if negative else ''}generator={generators}{' * 2' if negative else ''},",
        f"    num_inference_steps={settings.prior_num_inference_steps}, "
        f"guidance_scale={settings.prior_guidance_scale!r},",
        ").to_tuple()",
    ]
    return "\n".join(lines)


def _listed(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return f"[{_quoted(texts[0])}]"
    return "[\n" + "".join(f"    {_quoted(text)},\n" for text in texts) + "]"


def _quoted(text: str) -> str:
    """A JSON string is a Python string, with the quotes that the guide uses."""
    return json.dumps(text, ensure_ascii=False)


def _decoder(settings: Settings, rows: Sequence[InputRow]) -> str:
    return (
        "images = pipeline(\n"
        "    image_embeds=image_embeds, negative_image_embeds=negative_image_embeds, generator=generators,\n"
        f"    height={settings.height}, width={settings.width}, num_inference_steps={settings.num_inference_steps}, "
        f"guidance_scale={settings.guidance_scale!r},\n"
        ").images\n"
        f"names = {_listed([row.id for row in rows])}\n"
        "for image, name in zip(images, names):\n"
        '    image.save(f"{name}.png")'
    )

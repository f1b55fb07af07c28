"""The lines of the shown code that read a batch's inputs and make its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.catalog.tasks import TASKS
from harness.catalog.types import Version
from harness.pipelines.code_words import listed, packed, quoted
from harness.pipelines.rows import decoder_parts, prior_parts
from harness.pipelines.sizes import own_size, size_arguments, turned
from harness.plan.types import InputRow, Settings

_SAVE = 'for image, name in zip(images, names):\n    image.save(f"{name}.png")'
_MASK = "np.asarray({}).astype(np.float32) / 255"
_STACKED = """image_embeds = torch.cat([wanted for wanted, _ in pairs])
negative_image_embeds = torch.cat([unwanted for _, unwanted in pairs])"""


@dataclass(frozen=True)
class Batch:
    """What is made, and where its inputs lie."""

    settings: Settings
    version: Version
    rows: tuple[InputRow, ...]
    device: str
    pictures: dict[str, Path]  # by an asset's key
    hints: dict[str, Path]  # by a row's id

    @property
    def negatives(self) -> bool:
        """Whether some row has a negative prompt."""
        return any(row.negative_prompt is not None for row in self.rows)

    def row_list(self, field: str) -> str:
        """A text of every row, as a list."""
        return listed([quoted(getattr(row, field)) for row in self.rows])

    def opened(self, key: str | None) -> str:
        """An asset, read from its file."""
        return f"Image.open({quoted(self.pictures[str(key)])})"


def calls(batch: Batch) -> list[str]:
    """Inputs, prior, decoder, and the saving of the pictures."""
    if batch.settings.api == "combined":
        return [_head(batch), _inputs(batch), _combined(batch), _SAVE]
    prior = {"interpolation": _mixed, "controlnet-depth-image-to-image": _shifted}.get(batch.settings.task, _texts)
    return [_head(batch), _inputs(batch), prior(batch), _decoder(batch), _SAVE]


def _head(batch: Batch) -> str:
    lines = [f"names = {batch.row_list('id')}", f"prompts = {batch.row_list('prompt')}"]
    if batch.negatives or batch.version == "2.1":
        lines.append(f"negative_prompts = {batch.row_list('negative_prompt')}")
    seeds = ", ".join(str(row.seed) for row in batch.rows)
    return "\n".join([*lines, f"generators = [torch.Generator().manual_seed(seed) for seed in [{seeds}]]"])


def _inputs(batch: Batch) -> str:
    settings, needed, lines = batch.settings, TASKS[batch.settings.task].inputs, []
    size = f"({settings.width}, {settings.height})"
    if "image" in needed:
        resize = f".resize({size})" if own_size(settings.task, batch.version) else ""
        lines.append(f"pictures = {listed([batch.opened(row.image) + resize for row in batch.rows])}")
    if "mask" in needed:
        opened = [f"{batch.opened(row.mask)}.resize({size}, Image.Resampling.LANCZOS)" for row in batch.rows]
        lines.append(f"masks = {listed([_MASK.format(mask) for mask in opened])}  # white is repainted")
    if "hint" in needed:
        lines.append(_hint_lines(batch, size))
    return "\n".join(lines)


def _hint_lines(batch: Batch, size: str) -> str:
    opened = [f"Image.open({quoted(batch.hints[row.id])}).resize({size})" for row in batch.rows]
    return (
        "def make_hint(depth):\n"
        "    values = np.array(depth)\n"
        "    values = values if values.ndim == 3 else np.stack([values] * 3, axis=2)\n"
        "    return (torch.from_numpy(values).float() / 255.0).permute(2, 0, 1).unsqueeze(0)\n\n\n"
        f"depths = {listed(opened)}\n"
        f'hints = [make_hint(depth).to("{batch.device}", torch.{batch.settings.dtype}) for depth in depths]'
    )


def _prior_knobs(settings: Settings, prefix: str = "") -> str:
    return (
        f"{prefix}num_inference_steps={settings.prior_num_inference_steps}, "
        f"{prefix}guidance_scale={settings.prior_guidance_scale!r}"
    )


def _texts(batch: Batch) -> str:
    parts = prior_parts(batch.rows)
    if len(parts) == 1:
        return _prior_call(batch, "image_embeds, negative_image_embeds", None)
    lines = ["image_embeds, negative_image_embeds = {}, {}"]
    for part in parts:
        lines += [
            _prior_call(batch, "wanted, unwanted", part),
            f"for i, *both in zip({part}, wanted, unwanted):",
            "    image_embeds[i], negative_image_embeds[i] = both",
        ]
    for name in ("image_embeds", "negative_image_embeds"):
        lines.append(f"{name} = torch.stack([{name}[i] for i in range({len(batch.rows)})])")
    return "\n".join(lines)


def _prior_call(batch: Batch, names: str, part: Sequence[int] | None) -> str:
    """Rows ``part`` (``None``: all), which have negative prompts all or none."""
    chosen = "{}" if part is None else f"[{{}}[i] for i in {list(part)}]"
    negative = batch.rows[part[0] if part else 0].negative_prompt is not None
    words = [chosen.format("prompts"), *([chosen.format("negative_prompts")] if negative else [])]
    return (
        f"{names} = prior_pipeline(\n"
        f"    {', '.join(words)}, generator={chosen.format('generators')}{' * 2' if negative else ''},\n"
        f"    {_prior_knobs(batch.settings)},\n"
        ").to_tuple()"
    )


def _mixed(batch: Batch) -> str:
    weights = [list(batch.settings.weights or row.weights or ()) for row in batch.rows]
    mixes = [
        f"[{', '.join(batch.opened(one.image) if one.image is not None else quoted(one.text) for one in row.mix)}]"
        for row in batch.rows
    ]
    negative = ', negative_prompt=negative_prompts[i] or ""' if batch.negatives else ""
    return (
        f"mixes = {listed(mixes)}\nweights = {listed([str(one) for one in weights])}\npairs = [\n"
        "    prior_pipeline.interpolate(\n"
        f"        mixes[i], weights[i]{negative}, generator=generators[i],\n"
        f"        {_prior_knobs(batch.settings)},\n"
        f"    ).to_tuple()\n    for i in range({len(batch.rows)})\n]\n{_STACKED}"
    )


def _shifted(batch: Batch) -> str:
    knobs = f"image=pictures[i], generator=generators[i], {_prior_knobs(batch.settings)}"
    lines = [
        "pairs = []",
        f"for i in range({len(batch.rows)}):",
        f"    wanted = prior_pipeline(prompts[i], strength={batch.settings.prior_strength!r}, {knobs})",
        "    unwanted = wanted.negative_image_embeds",
    ]
    if batch.negatives:
        lines += [
            "    if negative_prompts[i] is not None:",
            f"        unwanted = prior_pipeline(negative_prompts[i], strength=1, {knobs}).image_embeds",
        ]
    return "\n".join([*lines, "    pairs.append((wanted.image_embeds, unwanted))", _STACKED])


def _decoder(batch: Batch) -> str:
    """All rows in one call, or each in one of its own."""
    alone = len(decoder_parts(batch.settings.task, 2)) > 1
    at = "[i : i + 1]" if alone else ""
    words = [f"image_embeds=image_embeds{at}", f"negative_image_embeds=negative_image_embeds{at}",
             f"generator=generators{at}"]  # fmt: skip
    if batch.version == "2.1":
        words.append(f"prompt=prompts{at}")
        words.append(f'negative_prompt=[words or "" for words in negative_prompts{at}]')
    return _called(batch, words, at, f"for i in range({len(batch.rows)}):" if alone else "")


def _combined(batch: Batch) -> str:
    words = ["prompt=prompts[i]", "generator=generators[i]"]
    if batch.negatives:
        words.append("negative_prompt=negative_prompts[i]")
    if batch.settings.prior_num_inference_steps is not None:
        words.append(_prior_knobs(batch.settings, "prior_"))
    return _called(batch, words, "[i : i + 1]", f"for i in range({len(batch.rows)}):")


def _called(batch: Batch, words: list[str], at: str, loop: str) -> str:
    settings = batch.settings
    brought = {"image": f"image=pictures{at}", "mask": f"mask_image=masks{at}", "hint": f"hint=hints{at}"}
    words += [brought[name] for name in TASKS[settings.task].inputs if name in brought]
    size = [f"{name}={value}" for name, value in size_arguments(settings, batch.version).items()]
    knobs = [f"num_inference_steps={settings.num_inference_steps}", f"guidance_scale={settings.guidance_scale!r}"]
    strength = [] if settings.strength is None else [f"strength={settings.strength!r}"]
    note = ""
    if turned(settings.task, batch.version) and settings.height != settings.width:
        note = "# This pipeline takes height for width.\n"
    call = f"pipeline(\n{packed(words)}\n{packed([*size, *knobs, *strength])}\n).images"
    if not loop:
        return f"{note}images = {call}"
    return f"{note}images = []\n{loop}\n    images += " + call.replace("\n", "\n    ")

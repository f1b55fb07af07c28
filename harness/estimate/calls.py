"""The calls that a pipeline makes of its networks, stage by stage, with inputs of the right shapes and no meaning.

Written after diffusers' Kandinsky pipelines; tests compare it with what those really hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.catalog.tasks import TASKS
from harness.catalog.types import PartName
from harness.plan.footprint import Case, Repeats

_TOKENS_XLM, _TOKENS_T5 = 77, 128  # what the pipelines pad a prompt to; 3 cuts it to the longest, which is not known
_ROW_BY_ROW = ("interpolation", "controlnet-depth-image-to-image")  # whose prior takes one row at a time

Kept = dict[str, Tensor]
"""What a pipeline holds on to for its later stages; a stage reads what earlier ones left, and leaves its own."""
Networks = Mapping[tuple[PartName, str], Any]


@dataclass(frozen=True)
class Call:
    """A stage: ``run`` makes its inputs, calls its network and finishes as the pipeline does."""

    name: str
    part: PartName
    network: str
    rows: int
    repeats: Repeats
    run: Callable[[Kept], Any]


def calls_of_case(case: Case, networks: Networks) -> list[Call]:
    """The stages of a case, in the order they run."""
    return [*(_prior(case, networks) if "prior" in case.parts else []), *_decoder(case, networks)]


_Stage = tuple[str, str, Repeats, Callable[[Kept], Any]]


def _prior(case: Case, networks: Networks) -> list[Call]:
    text, image, prior = (networks["prior", name] for name in ("text_encoder", "image_encoder", "prior"))
    alone = case.api == "combined" or case.task in _ROW_BY_ROW
    rows = 1 if alone else case.batch
    seen = rows * (2 if case.negative and case.task not in _ROW_BY_ROW else 1)
    stages: list[_Stage] = [
        ("prompt", "text_encoder", "once", lambda kept: _prior_prompts(text, image, seen, case, kept)),
        ("step", "prior", "prior steps", lambda kept: _prior_step(prior, seen, case, kept)),
        ("image", "image_encoder", "once", lambda kept: _prior_image(image)),
    ]
    if case.task == "controlnet-depth-image-to-image":  # it starts from the row's picture
        stages.insert(1, ("picture", "image_encoder", "once", lambda kept: _prior_image(image)))
    return [Call(f"prior: {name}", "prior", network, rows, often, run) for name, network, often, run in stages]


def _prior_prompts(encoder: Any, image: Any, rows: int, case: Case, kept: Kept) -> None:
    """With guidance the pipelines encode the empty prompts, or the negative ones, in a call of their own."""
    if case.task in _ROW_BY_ROW:  # the picture that was encoded before stays for a while
        kept["picture"] = _floats(1, 3, image.config.image_size, image.config.image_size, like=image)
    tokens = encoder.config.max_position_embeddings
    made = [encoder(_ids(rows, tokens)) for _ in range(1 + case.prior_guided)]
    kept["text_embeds"] = torch.cat([one.text_embeds for one in made])
    kept["states"] = torch.cat([one.last_hidden_state for one in made])
    kept["mask"] = torch.ones(kept["states"].shape[:2], dtype=torch.bool)


def _prior_step(prior: Any, rows: int, case: Case, kept: Kept) -> None:
    latents = kept["latents"] = _floats(rows, prior.config.embedding_dim, like=prior)
    found = prior(
        torch.cat([latents] * (1 + case.prior_guided)),
        timestep=_timestep(),
        proj_embedding=kept["text_embeds"],
        encoder_hidden_states=kept["states"],
        attention_mask=kept["mask"],
    ).predicted_image_embedding
    kept["latents"] = latents + _guided(found, case.prior_guided)


def _prior_image(encoder: Any) -> Any:
    """One picture: a row's own, or that of nothing, which stands for no prompt."""
    side = encoder.config.image_size
    return encoder(torch.zeros(1, 3, side, side).to(encoder.dtype))


def _decoder(case: Case, networks: Networks) -> list[Call]:
    part, rows = TASKS[case.task].part, 1 if case.api == "combined" or case.task == "inpainting" else case.batch
    unet, movq, text = (networks.get((part, name)) for name in ("unet", "movq", "text_encoder"))
    stages: list[_Stage] = []
    if text is not None:
        stages.append(("prompt", "text_encoder", "once", lambda kept: _prompts(text, rows, case, kept)))
    if "image" in TASKS[case.task].inputs:
        stages.append(("encode", "movq", "once", lambda kept: _encode(movq, rows, case, kept)))
    stages.append(("step", "unet", "decoder calls", lambda kept: _step(unet, movq, rows, case, kept)))
    stages.append(("decode", "movq", "once", lambda kept: _decode(movq, kept)))
    return [Call(f"{part}: {name}", part, network, rows, often, run) for name, network, often, run in stages]


def _prompts(encoder: Any, rows: int, case: Case, kept: Kept) -> None:
    tokens = _TOKENS_T5 if case.version == "3" else _TOKENS_XLM
    mask = torch.ones(rows, tokens, dtype=torch.int64)
    made = [encoder(_ids(rows, tokens), attention_mask=mask) for _ in range(1 + case.guided)]
    if case.version == "3":
        kept["states"] = torch.cat([one.last_hidden_state for one in made])
        kept["mask"] = torch.cat([mask] * (1 + case.guided)).bool()
    else:
        kept["text_embeds"], kept["states"] = (torch.cat([one[place] for one in made]) for place in (0, 1))


def _encode(movq: Any, rows: int, case: Case, kept: Kept) -> None:
    kept["picture"] = _floats(rows, 3, case.height, case.width, like=movq)
    kept["source"] = movq.encode(kept["picture"]).latents
    if case.task != "inpainting":
        del kept["picture"]  # the pipelines reuse its name for the latents
        return
    seen, (*_, height, width) = rows * (1 + case.guided), kept["source"].shape
    kept["masked"] = _floats(seen, kept["source"].shape[1], height, width, like=movq)
    kept["mask"] = _floats(seen, 1, height, width, like=movq)
    del kept["picture"]


def _step(unet: Any, movq: Any, rows: int, case: Case, kept: Kept) -> None:
    """One denoising step: the network's call with guidance, and a scheduler's that only adds."""
    channels = movq.config.latent_channels
    latents = kept["latents"] = _latents(movq, rows, case, like=unet)
    given = torch.cat([latents] * (1 + case.guided))
    if case.task == "inpainting":
        given = torch.cat([given, kept["masked"], kept["mask"]], dim=1)
    found = unet(given, _timestep(), **_conditions(unet, rows, case, kept), return_dict=False)[0]
    if case.version != "3":
        found = found[:, :channels]  # the learned variance is dropped
    kept["latents"] = latents + _guided(found, case.guided)


def _conditions(unet: Any, rows: int, case: Case, kept: Kept) -> dict[str, Any]:
    """What the network is told beside the latents, under the names that the pipelines use."""
    if case.version == "3":
        return {"encoder_hidden_states": kept["states"], "encoder_attention_mask": kept["mask"]}
    seen, config = rows * (1 + case.guided), unet.config
    width = config.encoder_hid_dim if case.version == "2.2" else config.cross_attention_dim
    kept["image_embeds"] = _floats(seen, width, like=unet)
    told: dict[str, Tensor] = {name: kept[name] for name in ("text_embeds", "image_embeds") if name in kept}
    if "hint" in TASKS[case.task].inputs:
        kept["hint"] = told["hint"] = _floats(seen, 3, case.height, case.width, like=unet)
    return {"encoder_hidden_states": kept.get("states"), "added_cond_kwargs": told}


def _decode(movq: Any, kept: Kept) -> Tensor:
    picture: Tensor = movq.decode(kept["latents"], force_not_quantize=True)["sample"]
    return (picture * 0.5 + 0.5).clamp(0, 1)


def _guided(found: Tensor, guided: bool) -> Tensor:
    if not guided:
        return found
    without, wanted = found.chunk(2)
    return without + 4.0 * (wanted - without)


def _latents(movq: Any, rows: int, case: Case, like: Any) -> Tensor:
    """The pipelines round a size up to whole multiples of the square of what the MoVQ shrinks by."""
    factor = 2 ** (len(movq.config.block_out_channels) - 1)
    height, width = (-(-side // factor**2) * factor for side in (case.height, case.width))
    return _floats(rows, movq.config.latent_channels, height, width, like=like)


def _floats(*shape: int, like: Any) -> Tensor:
    return torch.zeros(shape, dtype=like.dtype)


def _ids(rows: int, tokens: int) -> Tensor:
    return torch.ones(rows, tokens, dtype=torch.int64)


def _timestep() -> Tensor:
    return torch.tensor(500)

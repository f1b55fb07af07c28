"""The finished parts in the formats that the real models have: `save_pretrained` folders, half precision, no pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    KandinskyV22Pipeline,
    KandinskyV22PriorPipeline,
    UnCLIPScheduler,
)
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPImageProcessor

from harness.base import digest
from harness.catalog.world import ATTRIBUTES, VOCABULARIES, split
from harness.miniature import tokens
from harness.miniature.data import held_out_set
from harness.miniature.losses import DECODER_NOISE, PRIOR_NOISE
from harness.miniature.networks import PIXEL_MEAN, PIXEL_STD, SCORER
from harness.miniature.recipes import RECIPES
from harness.miniature.workshop import Workshop
from harness.score.attribute_net import CONFIG, WEIGHTS

REFERENCE_PICTURES = 4_096

_MODEL_CARD = """---
license: mit
library_name: diffusers
tags: [kandinsky, miniature]
prior: ../prior
---

# Miniature Kandinsky 2.2, decoder

A small Kandinsky 2.2 decoder (UNet with learned variance, and MoVQ), trained on a procedural world of captioned shapes,
64×64 pixels. It is made by `harness miniature build` and knows nothing but that world: a tool for tests and
demonstrations, not a picture model. What was trained how long, and how good it is: `docs/miniature.md` in the project.
"""


def export(shop: Workshop, out: Path) -> None:
    """Write the whole 2.2 set below ``out``: ``mini-2.2/{prior,decoder}``, ``scorer``, ``extractor``, ``judge``."""
    for name in ("mini-2.2", "scorer", "extractor", "judge"):
        shutil.rmtree(out / name, ignore_errors=True)
    _prior(shop, out / "mini-2.2" / "prior")
    _decoder(shop, out / "mini-2.2" / "decoder")
    _scorer(shop, out / "scorer")
    for name in ("extractor", "judge"):
        _attribute_net(shop, name, out / name)
    _reference_statistics(shop, out / "extractor")


def _prior(shop: Workshop, folder: Path) -> None:
    clip, prior = shop.part("clip"), shop.part("prior")
    prior.clip_mean.data.copy_(shop.embed_mean)
    prior.clip_std.data.copy_(shop.embed_std)
    processor = CLIPImageProcessor(
        size={"shortest_edge": 64}, crop_size=64, image_mean=list(PIXEL_MEAN), image_std=list(PIXEL_STD)
    )
    KandinskyV22PriorPipeline(
        prior=prior.half(),
        image_encoder=clip.vision.half(),
        text_encoder=clip.text.half(),
        tokenizer=tokens.tokenizer(),
        scheduler=UnCLIPScheduler(**PRIOR_NOISE),
        image_processor=processor,
    ).save_pretrained(folder, safe_serialization=True)
    _card(shop, folder, ("clip", "prior"))


def _decoder(shop: Workshop, folder: Path) -> None:
    noise = DECODER_NOISE | {"steps_offset": 1}
    KandinskyV22Pipeline(
        unet=shop.part("variance").half(),
        movq=shop.part("movq").half(),
        scheduler=DDIMScheduler(**noise, set_alpha_to_one=False),
    ).save_pretrained(folder, safe_serialization=True)
    ddpm = DDPMScheduler(**noise, variance_type="learned_range", timestep_spacing="leading")
    ddpm.save_pretrained(folder / "ddpm_scheduler")
    (folder / "README.md").write_text(_MODEL_CARD)
    _card(shop, folder, ("movq-start", "movq", "decoder", "variance"))


def _scorer(shop: Workshop, folder: Path) -> None:
    folder.mkdir(parents=True)
    tokens.save(folder)
    config = {
        "model_cfg": SCORER,
        "preprocess_cfg": {"mean": PIXEL_MEAN, "std": PIXEL_STD, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    clip = shop.part("scorer").clip
    save_file({k: _half(v) for k, v in clip.state_dict().items()}, folder / "open_clip_model.safetensors")
    _card(shop, folder, ("scorer",))


def _attribute_net(shop: Workshop, name: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    net = shop.part(name)
    (folder / CONFIG).write_text(net.config.model_dump_json(indent=1) + "\n")
    save_file({k: _half(v) for k, v in net.state_dict().items()}, folder / WEIGHTS)
    vocabulary = {attribute: VOCABULARIES[attribute] for attribute in ATTRIBUTES}
    (folder / "attributes.json").write_text(json.dumps(vocabulary, indent=1) + "\n")
    _card(shop, folder, (name,))


@torch.inference_mode()
def _reference_statistics(shop: Workshop, folder: Path) -> None:
    """Mean and covariance of the shipped extractor's features on pictures of held-out captions."""
    from harness.score.extractor import load_extractor

    net, pictures = load_extractor(folder), held_out_set(REFERENCE_PICTURES, seed=3)
    chunks = range(0, REFERENCE_PICTURES, 512)
    rows = [torch.from_numpy(pictures.pixels[i : i + 512]).permute(0, 3, 1, 2).float() / 255 for i in chunks]
    features = torch.cat([net(chunk) for chunk in rows]).double()
    made_by = {"pictures": str(REFERENCE_PICTURES), "of": "captions held out from training", "seed": "3"}
    tensors = {"mean": features.mean(0), "covariance": torch.cov(features.T), "n": torch.tensor(REFERENCE_PICTURES)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "reference_statistics.safetensors", made_by)


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).clone().contiguous()


def _card(shop: Workshop, folder: Path, parts: tuple[str, ...]) -> None:
    """What was trained, from which recipe, for how long."""
    train, held_out = split()
    card = {
        "parts": {name: _facts(shop, name) for name in parts},
        "training_captions": len(train),
        "held_out_captions": len(held_out),
        "training_pictures": len(shop.pictures.pixels),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def _facts(shop: Workshop, name: str) -> dict[str, Any]:
    with safe_open(shop.part_file(name), framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
    recipe = RECIPES[name]
    plain = {k: v for k, v in vars(recipe).items() if isinstance(v, str | int | float | tuple)}
    return facts | {"seed": recipe.seed, "learning_rate": recipe.lr, "recipe_digest": digest(plain)[:16]}

"""Kandinsky 2.1's folders: prior, decoder, inpainting; each with text encoders of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import (
    DDPMScheduler,
    KandinskyInpaintPipeline,
    KandinskyPipeline,
    KandinskyPriorPipeline,
    UnCLIPScheduler,
)

from harness.catalog.world import LANGUAGES
from harness.miniature import tokens
from harness.miniature.cards import card, readme
from harness.miniature.diffusion import PRIOR_NOISE
from harness.miniature.export_22 import DDPM, ddim, image_processor
from harness.miniature.workshop import Workshop

_PARTS = ("movq-start", "movq", "text-21", "decoder-21")


def prior(shop: Workshop, folder: Path) -> None:
    """2.2's vision tower, a text tower for two languages, and a diffusion prior that starts from 2.2's."""
    model = shop.part("prior-21")
    model.clip_mean.data.copy_(shop.embed_mean)
    model.clip_std.data.copy_(shop.embed_std)
    KandinskyPriorPipeline(
        prior=model.half(),
        image_encoder=shop.part("clip").vision.half(),
        text_encoder=shop.part("clip-21").text.half(),
        tokenizer=tokens.tokenizer(LANGUAGES),
        scheduler=UnCLIPScheduler(**PRIOR_NOISE),
        image_processor=image_processor(),
    ).save_pretrained(folder, safe_serialization=True)
    card(shop, folder, ("clip", "prior", "clip-21", "prior-21"))


def decoder(shop: Workshop, folder: Path) -> None:
    """Text encoder, UNet with learned variance, and MoVQ."""
    _save(shop, folder, KandinskyPipeline, "decoder-21")
    what = "A small Kandinsky 2.1 decoder (text encoder for English and German, UNet with learned variance, and MoVQ)"
    readme(folder, "2.1, decoder", what, "../prior")
    card(shop, folder, _PARTS)


def inpaint(shop: Workshop, folder: Path) -> None:
    """The same for inpainting."""
    _save(shop, folder, KandinskyInpaintPipeline, "inpaint-21")
    what = "A small Kandinsky 2.1 inpainting decoder (UNet of nine channels), fine-tuned from the decoder"
    readme(folder, "2.1, inpainting", what, "../prior")
    card(shop, folder, (*_PARTS, "inpaint-21"))


def _save(shop: Workshop, folder: Path, pipeline: Any, part: str) -> None:
    ddim(
        pipeline,
        text_encoder=shop.part("text-21").text.half(),
        tokenizer=tokens.tokenizer_21(),
        unet=shop.part(part).half(),
        movq=shop.part("movq").half(),
    ).save_pretrained(folder, safe_serialization=True)
    DDPMScheduler(**DDPM).save_pretrained(folder / "ddpm_scheduler")

"""Kandinsky 3's folder: it has no prior."""

from __future__ import annotations

from pathlib import Path

from diffusers import DDPMScheduler, Kandinsky3Pipeline

from harness.miniature import kandinsky3, tokens
from harness.miniature.cards import card, readme
from harness.miniature.workshop import Workshop


def decoder(shop: Workshop, folder: Path) -> None:
    """T5 encoder, UNet and MoVQ."""
    Kandinsky3Pipeline(
        tokenizer=tokens.tokenizer_3(),
        text_encoder=shop.part("text-3").text.half(),
        unet=shop.part("decoder-3").half(),
        scheduler=DDPMScheduler(**kandinsky3.NOISE, steps_offset=1, timestep_spacing="leading"),
        movq=shop.part("movq").half(),
    ).save_pretrained(folder, safe_serialization=True)
    readme(folder, "3", "A small Kandinsky 3 (T5 encoder, UNet and MoVQ)")
    card(shop, folder, ("movq-start", "movq", "text-3", "decoder-3"))

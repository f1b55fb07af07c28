"""Kandinsky 2.2's folders: prior, decoder, inpainting, ControlNet; and the depth estimator that makes its hints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    KandinskyV22ControlnetPipeline,
    KandinskyV22InpaintPipeline,
    KandinskyV22Pipeline,
    KandinskyV22PriorPipeline,
    UnCLIPScheduler,
)
from transformers import CLIPImageProcessor, DPTImageProcessor

from harness.miniature import tokens
from harness.miniature.cards import card, readme
from harness.miniature.diffusion import DECODER_NOISE, PRIOR_NOISE
from harness.miniature.networks import PIXEL_MEAN, PIXEL_STD
from harness.miniature.workshop import Workshop

_NOISE = DECODER_NOISE | {"steps_offset": 1}
DDPM: dict[str, Any] = _NOISE | {"variance_type": "learned_range", "timestep_spacing": "leading"}
_MOVQ = ("movq-start", "movq")


def prior(shop: Workshop, folder: Path) -> None:
    """The CLIP pair, and the diffusion prior with the statistics of its embeddings."""
    clip, model = shop.part("clip"), shop.part("prior")
    model.clip_mean.data.copy_(shop.embed_mean)
    model.clip_std.data.copy_(shop.embed_std)
    KandinskyV22PriorPipeline(
        prior=model.half(),
        image_encoder=clip.vision.half(),
        text_encoder=clip.text.half(),
        tokenizer=tokens.tokenizer(),
        scheduler=UnCLIPScheduler(**PRIOR_NOISE),
        image_processor=image_processor(),
    ).save_pretrained(folder, safe_serialization=True)
    card(shop, folder, ("clip", "prior"))


def image_processor() -> CLIPImageProcessor:
    """What the vision tower takes."""
    return CLIPImageProcessor(
        size={"shortest_edge": 64}, crop_size=64, image_mean=list(PIXEL_MEAN), image_std=list(PIXEL_STD)
    )


def decoder(shop: Workshop, folder: Path) -> None:
    """UNet with learned variance, and MoVQ."""
    _save(shop, folder, KandinskyV22Pipeline, "variance")
    readme(folder, "2.2, decoder", "A small Kandinsky 2.2 decoder (UNet with learned variance, and MoVQ)", "../prior")
    card(shop, folder, (*_MOVQ, "decoder", "variance"))


def inpaint(shop: Workshop, folder: Path) -> None:
    """The same for inpainting."""
    _save(shop, folder, KandinskyV22InpaintPipeline, "inpaint")
    what = "A small Kandinsky 2.2 inpainting decoder (UNet of nine channels, and MoVQ), fine-tuned from the decoder"
    readme(folder, "2.2, inpainting", what, "../prior")
    card(shop, folder, (*_MOVQ, "decoder", "variance", "inpaint"))


def controlnet(shop: Workshop, folder: Path) -> None:
    """The same with depth hints."""
    _save(shop, folder, KandinskyV22ControlnetPipeline, "controlnet")
    what = "A small Kandinsky 2.2 decoder that follows a depth map (UNet and MoVQ), fine-tuned from the decoder"
    readme(folder, "2.2, ControlNet depth", what, "../prior")
    card(shop, folder, (*_MOVQ, "decoder", "variance", "controlnet"))


def _save(shop: Workshop, folder: Path, pipeline: Any, part: str) -> None:
    unet, movq = shop.part(part).half(), shop.part("movq").half()
    ddim(pipeline, unet=unet, movq=movq).save_pretrained(folder, safe_serialization=True)
    DDPMScheduler(**DDPM).save_pretrained(folder / "ddpm_scheduler")


def ddim(pipeline: Any, **components: Any) -> Any:
    """A decoder's pipeline with the default scheduler of 2.1 and 2.2."""
    return pipeline(scheduler=DDIMScheduler(**_NOISE, set_alpha_to_one=False), **components)


def depth(shop: Workshop, folder: Path) -> None:
    """The depth estimator in transformers' format."""
    shop.part("depth").half().save_pretrained(folder, safe_serialization=True)
    DPTImageProcessor(
        do_resize=True, size={"height": 64, "width": 64}, image_mean=list(PIXEL_MEAN), image_std=list(PIXEL_STD)
    ).save_pretrained(folder)
    readme(folder, "depth estimator", "A small Depth Anything: nearness from 0 to 1", library="transformers")
    card(shop, folder, ("depth",))

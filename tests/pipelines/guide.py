"""diffusers' guide, block by block, with diffusers' own classes: each makes one picture with one generator.

Nothing here knows the harness's pipelines; sizes and numbers of steps are parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

Parts = tuple[Any, Any]


def load(folder: Path, prior: str, part: str, decoder: str) -> Parts:
    """The two pipelines of a task."""
    return _one(folder / "prior", prior) if prior else None, _one(folder / part, decoder)


def _one(folder: Path, name: str) -> Any:
    pipeline = getattr(diffusers, name).from_pretrained(folder, torch_dtype=torch.float32, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_hint(depth: Image.Image) -> torch.Tensor:
    """The guide's, after its estimator."""
    image = np.array(depth)
    image = image[:, :, None]
    image = np.concatenate([image, image, image], axis=2)
    detected_map = torch.from_numpy(image).float() / 255.0
    hint = detected_map.permute(2, 0, 1)
    return hint.unsqueeze(0)


def text_to_image_21(parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], **_: Any) -> Any:
    prior_pipeline, pipeline = parts
    image_embeds, negative_image_embeds = prior_pipeline(prompt, **negative, generator=g, **k["prior"]).to_tuple()
    return pipeline(
        prompt, image_embeds=image_embeds, **negative, negative_image_embeds=negative_image_embeds, generator=g,
        **k["size"], **k["decoder"],
    )  # fmt: skip


def text_to_image_22(parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], **_: Any) -> Any:
    prior_pipeline, pipeline = parts
    image_embeds, negative_image_embeds = prior_pipeline(prompt, **negative, generator=g, **k["prior"]).to_tuple()
    return pipeline(
        image_embeds=image_embeds, negative_image_embeds=negative_image_embeds, generator=g, **k["size"], **k["decoder"]
    )


def text_to_image_3(parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], **_: Any) -> Any:
    return parts[1](prompt, **negative, generator=g, **k["size"], **k["decoder"])


def image_to_image_21(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    image_embeds, negative_image_embeds = prior_pipeline(prompt, **negative, generator=g, **k["prior"]).to_tuple()
    return pipeline(
        prompt, **negative, image=image, image_embeds=image_embeds, negative_image_embeds=negative_image_embeds,
        generator=g, **k["size"], **k["decoder"], **k["strength"],
    )  # fmt: skip


def image_to_image_22(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    image_embeds, negative_image_embeds = prior_pipeline(prompt, **negative, generator=g, **k["prior"]).to_tuple()
    return pipeline(
        image=image, image_embeds=image_embeds, negative_image_embeds=negative_image_embeds, generator=g, **k["size"],
        **k["decoder"], **k["strength"],
    )  # fmt: skip


def image_to_image_3(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, **_: Any
) -> Any:
    image = image.resize((k["size"]["width"], k["size"]["height"]))
    return parts[1](prompt, **negative, image=image, generator=g, **k["decoder"], **k["strength"])


def inpainting_21(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, mask: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    prior_output = prior_pipeline(prompt, **negative, generator=g, **k["prior"])
    return pipeline(
        prompt, **negative, image=image, mask_image=mask, **prior_output, generator=g, **k["size"], **k["decoder"]
    )


def inpainting_22(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, mask: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    prior_output = prior_pipeline(prompt, **negative, generator=g, **k["prior"])
    return pipeline(image=image, mask_image=mask, **prior_output, generator=g, **k["size"], **k["decoder"])


def interpolation_21(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], mix: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    images_texts, weights = mix
    prior_out = prior_pipeline.interpolate(images_texts, weights, **negative, generator=g, **k["prior"])
    return pipeline(prompt, **negative, **prior_out, generator=g, **k["size"], **k["decoder"])


def interpolation_22(parts: Parts, negative: dict[str, str], g: Any, k: dict[str, Any], mix: Any, **_: Any) -> Any:
    prior_pipeline, pipeline = parts
    images_texts, weights = mix
    prior_out = prior_pipeline.interpolate(images_texts, weights, **negative, generator=g, **k["prior"])
    return pipeline(**prior_out, generator=g, **k["size"], **k["decoder"])


def controlnet_text(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], depth: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    image_emb, zero_image_emb = prior_pipeline(prompt=prompt, **negative, generator=g, **k["prior"]).to_tuple()
    return pipeline(
        image_embeds=image_emb, negative_image_embeds=zero_image_emb, hint=make_hint(depth), generator=g, **k["size"],
        **k["decoder"],
    )  # fmt: skip


def controlnet_image(
    parts: Parts, prompt: str, negative: dict[str, str], g: Any, k: dict[str, Any], image: Any, depth: Any, **_: Any
) -> Any:
    prior_pipeline, pipeline = parts
    img_emb = prior_pipeline(prompt=prompt, image=image, **k["prior_strength"], generator=g, **k["prior"])
    unwanted = img_emb.negative_image_embeds
    if negative:
        words = negative["negative_prompt"]
        unwanted = prior_pipeline(prompt=words, image=image, strength=1, generator=g, **k["prior"]).image_embeds
    return pipeline(
        image=image, **k["strength"], image_embeds=img_emb.image_embeds, negative_image_embeds=unwanted,
        hint=make_hint(depth), generator=g, **k["size"], **k["decoder"],
    )  # fmt: skip


_P21, _P22 = "KandinskyPriorPipeline", "KandinskyV22PriorPipeline"
#: (version, task) → the prior's class, the decoder's folder and class, and the guide's code
BLOCKS: dict[tuple[str, str], tuple[str, str, str, Callable[..., Any]]] = {
    ("2.1", "text-to-image"): (_P21, "decoder", "KandinskyPipeline", text_to_image_21),
    ("2.2", "text-to-image"): (_P22, "decoder", "KandinskyV22Pipeline", text_to_image_22),
    ("3", "text-to-image"): ("", "decoder", "Kandinsky3Pipeline", text_to_image_3),
    ("2.1", "image-to-image"): (_P21, "decoder", "KandinskyImg2ImgPipeline", image_to_image_21),
    ("2.2", "image-to-image"): (_P22, "decoder", "KandinskyV22Img2ImgPipeline", image_to_image_22),
    ("3", "image-to-image"): ("", "decoder", "Kandinsky3Img2ImgPipeline", image_to_image_3),
    ("2.1", "inpainting"): (_P21, "inpaint", "KandinskyInpaintPipeline", inpainting_21),
    ("2.2", "inpainting"): (_P22, "inpaint", "KandinskyV22InpaintPipeline", inpainting_22),
    ("2.1", "interpolation"): (_P21, "decoder", "KandinskyPipeline", interpolation_21),
    ("2.2", "interpolation"): (_P22, "decoder", "KandinskyV22Pipeline", interpolation_22),
    ("2.2", "controlnet-depth-text-to-image"): (
        _P22, "controlnet", "KandinskyV22ControlnetPipeline", controlnet_text),
    ("2.2", "controlnet-depth-image-to-image"): (
        "KandinskyV22PriorEmb2EmbPipeline", "controlnet", "KandinskyV22ControlnetImg2ImgPipeline", controlnet_image),
}  # fmt: skip
AUTO = {
    "text-to-image": "AutoPipelineForText2Image",
    "image-to-image": "AutoPipelineForImage2Image",
    "inpainting": "AutoPipelineForInpainting",
}

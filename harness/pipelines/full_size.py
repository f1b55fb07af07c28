"""The real models as configurations: `python -m harness.pipelines.full_size` counts them on the meta device.

Nothing here was read from the hub: each configuration names the published source that it was written down from.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import diffusers
import open_clip
import torch
import transformers
from diffusers.pipelines.kandinsky.text_encoder import MultilingualCLIP

from harness.base import Frozen
from harness.catalog.sizes import TABLE

_CONVERTED = "diffusers: scripts/convert_kandinsky_to_diffusers.py"
_TESTS_22 = "diffusers: tests/pipelines/kandinsky2_2, at the widths of 2.1's decoder; its image embeddings have 1280"
_OPENAI_CLIP = "transformers: CLIPConfig's notes on openai/clip-vit-large-patch14"
_BIG_G = "open_clip: model_configs/ViT-bigG-14.json"
_KANDINSKY_3 = "ai-forever/Kandinsky-3: kandinsky3/__init__.py"


class Component(Frozen):
    """A network of a pipeline: its class, what its constructor (or its configuration's) takes, and who says so."""

    class_name: str
    config: dict[str, Any]
    source: str


UNET_21: dict[str, Any] = {
    "sample_size": 64, "in_channels": 4, "out_channels": 8, "layers_per_block": 3, "attention_head_dim": 64,
    "block_out_channels": (384, 768, 1152, 1536), "cross_attention_dim": 768, "resnet_time_scale_shift": "scale_shift",
    "down_block_types": ("ResnetDownsampleBlock2D", *("SimpleCrossAttnDownBlock2D",) * 3),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": (*("SimpleCrossAttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D"),
    "encoder_hid_dim": 1024, "encoder_hid_dim_type": "text_image_proj", "addition_embed_type": "text_image",
}  # fmt: skip
UNET_22 = {**UNET_21, "encoder_hid_dim": 1280, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image"}
MOVQ: dict[str, Any] = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_type": "spatial",
    "block_out_channels": (128, 256, 256, 512), "num_vq_embeddings": 16384, "vq_embed_dim": 4,
    "down_block_types": (*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3),
}  # fmt: skip
_INPAINT, _HINT = {"in_channels": 9}, {"in_channels": 8, "addition_embed_type": "image_hint"}


def _unet(config: dict[str, Any], source: str) -> Component:
    return Component(class_name="UNet2DConditionModel", config=config, source=source)


_MOVQ = Component(class_name="VQModel", config=MOVQ, source=_CONVERTED)
_XLM_ROBERTA = Component(
    class_name="MultilingualCLIP",
    config={"vocab_size": 250002, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
            "intermediate_size": 4096, "max_position_embeddings": 514, "type_vocab_size": 1,
            "transformerDimSize": 1024, "imageDimSize": 768},
    source="XLM-RoBERTa-large (A. Conneau et al., 2020) and diffusers: pipelines/kandinsky/text_encoder.py",
)  # fmt: skip
_TEXT_L = Component(
    class_name="CLIPTextModelWithProjection", source=_OPENAI_CLIP,
    config={"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "projection_dim": 768},
)  # fmt: skip
_VISION_L = Component(
    class_name="CLIPVisionModelWithProjection", source=_OPENAI_CLIP,
    config={"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
            "patch_size": 14, "projection_dim": 768},
)  # fmt: skip
_TEXT_BIG_G = Component(
    class_name="CLIPTextModelWithProjection", source=_BIG_G,
    config={"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
            "projection_dim": 1280, "hidden_act": "gelu"},
)  # fmt: skip
_VISION_BIG_G = Component(
    class_name="CLIPVisionModelWithProjection", source=_BIG_G,
    config={"hidden_size": 1664, "intermediate_size": 8192, "num_hidden_layers": 48, "num_attention_heads": 16,
            "patch_size": 14, "projection_dim": 1280, "hidden_act": "gelu"},
)  # fmt: skip
_FLAN_UL2 = Component(
    class_name="T5EncoderModel", source="Y. Tay et al., UL2, 2022: 32 layers, d_model 4096, 16 heads of 256",
    config={"d_model": 4096, "d_kv": 256, "d_ff": 16384, "num_layers": 32, "num_heads": 16, "vocab_size": 32128,
            "feed_forward_proj": "gated-gelu"},
)  # fmt: skip
_PRIOR_21 = Component(class_name="PriorTransformer", config={}, source=f"{_CONVERTED}: the class's own defaults")
_PRIOR_22 = Component(
    class_name="PriorTransformer", config={"embedding_dim": 1280}, source="diffusers: 2.1's, for ViT-bigG-14's 1280"
)
_MOVQ_3 = Component(
    class_name="VQModel", config={**MOVQ, "block_out_channels": (256, 512, 512, 1024)}, source=_KANDINSKY_3
)
_DPT_LARGE: dict[str, Any] = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "backbone_out_indices": [5, 11, 17, 23], "neck_hidden_sizes": [256, 512, 1024, 1024],
}  # fmt: skip

#: repository -> component -> its network; tokenizers, schedulers and image processors weigh nothing
REPOSITORIES: dict[str, dict[str, Component]] = {
    "kandinsky-community/kandinsky-2-1": {
        "text_encoder": _XLM_ROBERTA, "unet": _unet(UNET_21, _CONVERTED), "movq": _MOVQ},
    "kandinsky-community/kandinsky-2-1-inpaint": {
        "text_encoder": _XLM_ROBERTA, "unet": _unet({**UNET_21, **_INPAINT}, _CONVERTED), "movq": _MOVQ},
    "kandinsky-community/kandinsky-2-1-prior": {
        "prior": _PRIOR_21, "image_encoder": _VISION_L, "text_encoder": _TEXT_L},
    "kandinsky-community/kandinsky-2-2-decoder": {"unet": _unet(UNET_22, _TESTS_22), "movq": _MOVQ},
    "kandinsky-community/kandinsky-2-2-decoder-inpaint": {
        "unet": _unet({**UNET_22, **_INPAINT}, _TESTS_22), "movq": _MOVQ},
    "kandinsky-community/kandinsky-2-2-controlnet-depth": {
        "unet": _unet({**UNET_22, **_HINT}, _TESTS_22), "movq": _MOVQ},
    "kandinsky-community/kandinsky-2-2-prior": {
        "prior": _PRIOR_22, "image_encoder": _VISION_BIG_G, "text_encoder": _TEXT_BIG_G},
    "kandinsky-community/kandinsky-3": {
        "text_encoder": _FLAN_UL2, "movq": _MOVQ_3,
        "unet": Component(class_name="Kandinsky3UNet", config={}, source=f"{_KANDINSKY_3}; the class's own defaults")},
    "Intel/dpt-large": {
        "model": Component(class_name="DPTForDepthEstimation", config=_DPT_LARGE,
                           source="transformers: models/dpt/convert_dpt_to_pytorch.py, its large model")},
    "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": {
        "model": Component(class_name="CLIP", config=open_clip.get_model_config("ViT-B-32"),
                           source="open_clip: model_configs/ViT-B-32.json")},
}  # fmt: skip


def build(component: Component) -> torch.nn.Module:
    """The network, with fresh weights on the default device: ``with torch.device("meta")`` it takes no memory."""
    known: dict[str, Any] = {"MultilingualCLIP": MultilingualCLIP, "CLIP": open_clip.CLIP}
    name, config = component.class_name, component.config
    cls = known.get(name) or getattr(diffusers, name, None) or getattr(transformers, name)
    made = cls(cls.config_class(**config)) if issubclass(cls, transformers.PreTrainedModel) else cls(**config)
    assert isinstance(made, torch.nn.Module)
    return made


def count(component: Component) -> int:
    """Its parameters; shared ones count once, as they are stored."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(component).parameters())


def table() -> dict[str, Any]:
    """The table as data: versions, and for each repository's component the class, the parameters and the source."""
    return {
        "versions": {
            name: importlib.metadata.version(name) for name in ("diffusers", "open-clip-torch", "transformers")
        },
        "repositories": {
            name: {part: _row(one) for part, one in parts.items()} for name, parts in REPOSITORIES.items()
        },
    }


def _row(component: Component) -> dict[str, Any]:
    return {"class": component.class_name, "parameters": count(component), "source": component.source}


def text() -> str:
    """The table as it is committed."""
    return json.dumps(table(), indent=1, sort_keys=True) + "\n"


def regenerate(path: Path = TABLE) -> None:
    """Write the table."""
    path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    regenerate(*map(Path, sys.argv[1:]))

"""The networks of the family, in the classes that the real models use, and of what judges them."""

from __future__ import annotations

from typing import Any

import open_clip
import torch
from diffusers import Kandinsky3UNet, PriorTransformer, UNet2DConditionModel, VQModel
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
)

from harness.catalog.world import ATTRIBUTES, VOCABULARIES
from harness.miniature.tokens import CONTEXT, tokenizer
from harness.score.attribute_net import AttributeNet, AttributeNetConfig

WIDTH = 128  # of the CLIP's embeddings, and so of the prior and of the decoder's condition
HEADS = tuple(len(VOCABULARIES[name]) for name in ATTRIBUTES)

MOVQ: dict[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 3 + ("AttnDownEncoderBlock2D",),
    "up_block_types": ("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * 3,
    "block_out_channels": (32, 32, 64, 64),
    "layers_per_block": 1,
    "latent_channels": 4,
    "vq_embed_dim": 4,
    "num_vq_embeddings": 256,
    "norm_type": "spatial",
}
DECODER: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 8,  # the second half is the learned variance
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "block_out_channels": (96, 128, 128),
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "encoder_hid_dim": WIDTH,
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "attention_head_dim": 32,
    "resnet_time_scale_shift": "scale_shift",
}
INPAINT = DECODER | {"in_channels": 9}  # noisy latents, the kept part of the source's, the mask
CONTROLNET = DECODER | {"in_channels": 8, "addition_embed_type": "image_hint"}  # the hint becomes four more channels
DECODER_21 = DECODER | {
    "down_block_types": ("SimpleCrossAttnDownBlock2D",) * 2,
    "up_block_types": ("SimpleCrossAttnUpBlock2D",) * 2,
    "block_out_channels": (80, 96),
    "attention_head_dim": 16,
    "norm_num_groups": 16,
    "encoder_hid_dim": 96,
    "encoder_hid_dim_type": "text_image_proj",
    "addition_embed_type": "text_image",
}
INPAINT_21 = DECODER_21 | {"in_channels": 9}
DECODER_3: dict[str, Any] = {
    "in_channels": 4,
    "time_embedding_dim": 64,
    "groups": 16,
    "attention_head_dim": 32,
    "layers_per_block": 2,  # fewer, and its upsampling half does not fit together
    "block_out_channels": (64, 128),
    "cross_attention_dim": 96,
    "encoder_hid_dim": 96,
}
PRIOR: dict[str, Any] = {
    "num_attention_heads": 4,
    "attention_head_dim": 32,
    "num_layers": 6,
    "embedding_dim": WIDTH,
    "num_embeddings": CONTEXT,
    "additional_embeddings": 4,
}
SCORER: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"layers": [1, 1, 1, 1], "width": 16, "image_size": 64, "head_width": 64},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": 611,
        "width": 96,
        "heads": 4,
        "layers": 3,
        "hf_tokenizer_name": "scorer",
    },
}
DEPTH: dict[str, Any] = {
    "backbone_config": Dinov2Config(
        image_size=64, patch_size=8, hidden_size=64, num_hidden_layers=4, num_attention_heads=4, mlp_ratio=2,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True,
    ),
    "patch_size": 8,
    "reassemble_hidden_size": 64,
    "neck_hidden_sizes": [16, 32, 48, 64],
    "fusion_hidden_size": 32,
    "head_hidden_size": 16,
}  # fmt: skip
PIXEL_MEAN = PIXEL_STD = (0.5, 0.5, 0.5)
_PLACE_STD = 0.5


def movq() -> nn.Module:
    """An 8× autoencoder with spatial normalisation, as Kandinsky's."""
    model: nn.Module = VQModel(**MOVQ)
    return model


def decoder() -> nn.Module:
    """2.2's UNet: conditioned on an image embedding alone."""
    model: nn.Module = UNet2DConditionModel(**DECODER)
    return model


def inpaint() -> nn.Module:
    """The same with a source to repaint."""
    model: nn.Module = UNet2DConditionModel(**INPAINT)
    return model


def controlnet() -> nn.Module:
    """The same with a hint to follow."""
    model: nn.Module = UNet2DConditionModel(**CONTROLNET)
    return model


def prior() -> nn.Module:
    """The diffusion prior from a text's to an image's embedding."""
    model: nn.Module = PriorTransformer(**PRIOR)
    return model


def decoder_21() -> nn.Module:
    """2.1's UNet: conditioned on an image embedding, a text embedding and the text's tokens."""
    model: nn.Module = UNet2DConditionModel(**DECODER_21)
    return model


def inpaint_21() -> nn.Module:
    """The same with a source to repaint."""
    model: nn.Module = UNet2DConditionModel(**INPAINT_21)
    return model


def decoder_3() -> nn.Module:
    """3's UNet: conditioned on a text's tokens alone."""
    model: nn.Module = Kandinsky3UNet(**DECODER_3)
    return model


def clip_text_config(words: CLIPTokenizer) -> CLIPTextConfig:
    """A text tower for a tokenizer."""
    return CLIPTextConfig(
        vocab_size=len(words), hidden_size=WIDTH, intermediate_size=2 * WIDTH, projection_dim=WIDTH,
        num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=CONTEXT,
        bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
    )  # fmt: skip


def scatter_places(model: nn.Module) -> None:
    """Draw position embeddings far apart: at the default, place is hardly learnt in so few steps."""
    for name, weight in model.named_parameters():
        if "position_embedding" in name:
            nn.init.normal_(weight, std=_PLACE_STD)


class Clip(nn.Module):
    """The prior's CLIP: both towers, a temperature, and heads that are dropped after training."""

    def __init__(self) -> None:
        super().__init__()
        text = clip_text_config(tokenizer())
        vision = CLIPVisionConfig(
            hidden_size=WIDTH, intermediate_size=4 * WIDTH, projection_dim=WIDTH, num_hidden_layers=4,
            num_attention_heads=4, image_size=64, patch_size=16,
        )  # fmt: skip
        self.text, self.vision = CLIPTextModelWithProjection(text), CLIPVisionModelWithProjection(vision)
        scatter_places(self)
        self.temperature = nn.Parameter(torch.tensor(2.6))  # log of 1 / 0.07
        self.heads = nn.ModuleList(nn.Linear(WIDTH, values) for values in HEADS)

    def images(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, 64, 64) in [-1, 1] → (n, 128), not normalised: what the decoder is conditioned on."""
        embeds: torch.Tensor = self.vision(pixel_values=pictures).image_embeds
        return embeds

    def texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, 20) token ids → (n, 128), not normalised."""
        embeds: torch.Tensor = self.text(input_ids=tokens).text_embeds
        return embeds


class Scorer(nn.Module):
    """The independent scorer: open_clip's model with a residual network for pictures; heads dropped after training."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = open_clip.CLIP(**SCORER)
        self.heads = nn.ModuleList(nn.Linear(SCORER["embed_dim"], values) for values in HEADS)

    @property
    def temperature(self) -> torch.Tensor:
        """Log of the inverse temperature."""
        scale: torch.Tensor = self.clip.logit_scale
        return scale

    def images(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, 64, 64) in [-1, 1] → (n, 64)."""
        embeds: torch.Tensor = self.clip.encode_image(pictures)
        return embeds

    def texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, 20) → (n, 64)."""
        embeds: torch.Tensor = self.clip.encode_text(tokens)
        return embeds


def depth() -> nn.Module:
    """A depth estimator, as ControlNet's hints are made with: nearness, 0 to 1."""
    model: nn.Module = DepthAnythingForDepthEstimation(DepthAnythingConfig(**DEPTH))
    scatter_places(model)
    return model


def extractor() -> nn.Module:
    """Few features, so that few pictures are a fair sample."""
    return AttributeNet(AttributeNetConfig(widths=(32, 48, 64, 64), features=16, heads=HEADS))


def judge() -> nn.Module:
    """Larger, and never used to score."""
    return AttributeNet(AttributeNetConfig(widths=(32, 64, 96, 128), features=128, heads=HEADS))

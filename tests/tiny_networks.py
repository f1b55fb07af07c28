"""The parts of the tiny Kandinskys: pipelines of the real classes with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers

from harness.catalog.types import PartName, Version

WIDTH = 16
CONTEXT = 12
_CONTEXT_21 = 77


def _tokenizer() -> Any:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=CONTEXT, pad_token="<|endoftext|>")


def _prior(pipeline: str) -> Any:
    from diffusers import PriorTransformer, UnCLIPScheduler
    from transformers import (
        CLIPImageProcessor,
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    words = _tokenizer()
    sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "projection_dim": WIDTH, "num_hidden_layers": 1}
    text = CLIPTextConfig(
        **sizes, vocab_size=len(words), num_attention_heads=2, max_position_embeddings=CONTEXT,
        bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    vision = CLIPVisionConfig(**sizes, num_attention_heads=2, image_size=32, patch_size=16)
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=WIDTH, num_embeddings=CONTEXT
    )
    prior.clip_std.data.fill_(1.0)  # it begins at nought, and every embedding would be the same
    return getattr(diffusers, pipeline)(
        prior=prior,
        image_encoder=CLIPVisionModelWithProjection(vision),
        text_encoder=CLIPTextModelWithProjection(text),
        tokenizer=words,
        scheduler=UnCLIPScheduler(
            variance_type="fixed_small_log", num_train_timesteps=1000, clip_sample=True, clip_sample_range=5.0,
            prediction_type="sample",
        ),
        image_processor=CLIPImageProcessor(size=32, crop_size=32),
    )  # fmt: skip


def _unet(**changes: Any) -> Any:
    known: dict[str, Any] = {
        "sample_size": 8, "in_channels": 4, "out_channels": 8,
        "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
        "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        "block_out_channels": (32, 64), "layers_per_block": 1, "cross_attention_dim": WIDTH, "encoder_hid_dim": WIDTH,
        "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image", "attention_head_dim": 32,
        "resnet_time_scale_shift": "scale_shift",
    }  # fmt: skip
    return diffusers.UNet2DConditionModel(**known | changes)


def _movq() -> Any:
    return diffusers.VQModel(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32,) * 4, layers_per_block=1, latent_channels=4, vq_embed_dim=4, num_vq_embeddings=16,
        norm_type="spatial",
    )  # fmt: skip


def _decoder_22(pipeline: str, **changes: Any) -> Any:
    unet = _unet(**changes)
    scheduler = diffusers.DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1, variance_type="learned_range"
    )
    return getattr(diffusers, pipeline)(unet=unet, scheduler=scheduler, movq=_movq())


def _multilingual() -> tuple[Any, Any]:
    from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP

    from harness.miniature.tokens import tokenizer_21

    words = tokenizer_21()
    config = MCLIPConfig(
        transformerDimSize=WIDTH, imageDimSize=WIDTH, vocab_size=len(words), hidden_size=WIDTH, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=WIDTH, type_vocab_size=1, max_position_embeddings=_CONTEXT_21 + 3,
        pad_token_id=words.pad_token_id, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    return words, MultilingualCLIP(config)


def _decoder_21(pipeline: str, **changes: Any) -> Any:
    tokenizer, text_encoder = _multilingual()
    return getattr(diffusers, pipeline)(
        text_encoder=text_encoder, tokenizer=tokenizer, movq=_movq(),
        unet=_unet(encoder_hid_dim_type="text_image_proj", addition_embed_type="text_image", **changes),
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=False, steps_offset=1
        ),
    )  # fmt: skip


def _decoder_3() -> Any:
    from transformers import T5Config, T5EncoderModel

    from harness.miniature.tokens import tokenizer_3

    words = tokenizer_3()
    text = T5Config(
        vocab_size=len(words), d_model=WIDTH, d_kv=8, d_ff=WIDTH, num_layers=1, num_heads=2, is_encoder_decoder=False,
        use_cache=False, pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    unet = diffusers.Kandinsky3UNet(
        in_channels=4, time_embedding_dim=32, groups=16, attention_head_dim=16, layers_per_block=2,
        block_out_channels=(32, 64), cross_attention_dim=WIDTH, encoder_hid_dim=WIDTH,
    )  # fmt: skip
    scheduler = diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", clip_sample=False, steps_offset=1)
    return diffusers.Kandinsky3Pipeline(
        tokenizer=words, text_encoder=T5EncoderModel(text), unet=unet, scheduler=scheduler, movq=_movq()
    )


_CONTROLNET: dict[str, Any] = {"in_channels": 8, "addition_embed_type": "image_hint"}
SAVERS: dict[Version, dict[PartName, Callable[[], Any]]] = {
    "2.2": {
        "prior": lambda: _prior("KandinskyV22PriorPipeline"),
        "decoder": lambda: _decoder_22("KandinskyV22Pipeline"),
        "inpaint": lambda: _decoder_22("KandinskyV22InpaintPipeline", in_channels=9),
        "controlnet": lambda: _decoder_22("KandinskyV22ControlnetPipeline", **_CONTROLNET),
    },
    "2.1": {
        "prior": lambda: _prior("KandinskyPriorPipeline"),
        "decoder": lambda: _decoder_21("KandinskyPipeline"),
        "inpaint": lambda: _decoder_21("KandinskyInpaintPipeline", in_channels=9),
    },
    "3": {"decoder": _decoder_3},
}

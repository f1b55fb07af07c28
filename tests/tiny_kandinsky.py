"""A tiny Kandinsky 2.2 with random weights, in the real formats: for oracles and planted faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.catalog.types import ModelRow, Place
from harness.plan.types import InputRow, LoadGroup, SchedulerChoice, Settings

WIDTH = 16
CONTEXT = 12


def _tokenizer() -> Any:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=CONTEXT, pad_token="<|endoftext|>")


def _prior() -> Any:
    from diffusers import KandinskyV22PriorPipeline, PriorTransformer, UnCLIPScheduler
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
    return KandinskyV22PriorPipeline(
        prior=PriorTransformer(
            num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=WIDTH, num_embeddings=CONTEXT
        ),
        image_encoder=CLIPVisionModelWithProjection(vision),
        text_encoder=CLIPTextModelWithProjection(text),
        tokenizer=words,
        scheduler=UnCLIPScheduler(
            variance_type="fixed_small_log", num_train_timesteps=1000, clip_sample=True, clip_sample_range=5.0,
            prediction_type="sample",
        ),
        image_processor=CLIPImageProcessor(size=32, crop_size=32),
    )  # fmt: skip


def _decoder() -> Any:
    from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel

    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=8,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=WIDTH, encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="image_proj", addition_embed_type="image", attention_head_dim=32,
        resnet_time_scale_shift="scale_shift",
    )  # fmt: skip
    movq = VQModel(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32,) * 4, layers_per_block=1, latent_channels=4, vq_embed_dim=4, num_vq_embeddings=16,
        norm_type="spatial",
    )  # fmt: skip
    scheduler = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1, variance_type="learned_range"
    )
    return KandinskyV22Pipeline(unet=unet, scheduler=scheduler, movq=movq)


def save_tiny(folder: Path) -> Path:
    """``prior/`` and ``decoder/`` below ``folder``, as ``save_pretrained`` writes them; always the same weights."""
    torch.manual_seed(0)
    _prior().save_pretrained(folder / "prior")
    _decoder().save_pretrained(folder / "decoder")
    return folder


def row_of(folder: Path) -> ModelRow:
    """The catalog row of a folder with ``prior`` and ``decoder`` in it."""
    return ModelRow(
        name="tiny-2.2",
        version="2.2",
        prior=Place(kind="folder", where=str(folder / "prior")),
        decoder=Place(kind="folder", where=str(folder / "decoder")),
        tasks=("text-to-image",),
        size_multiple=64,
        default_size=(64, 64),
        default_dtype="float32",
        default_metrics=(),
        scorer="none",
        extractor="none",
    )


GROUP = LoadGroup(id="g", model="tiny-2.2", dtype="float32", optimizations=(), cells=())


def make_settings(**changes: Any) -> Settings:
    """Settings of a small cell, with changes."""
    known: dict[str, Any] = {
        "model": "tiny-2.2",
        "task": "text-to-image",
        "dtype": "float32",
        "height": 64,
        "width": 64,
        "guidance_scale": 4.0,
        "num_inference_steps": 3,
        "prior_guidance_scale": 4.0,
        "prior_num_inference_steps": 2,
        "scheduler": SchedulerChoice(label="model default", class_name=None),
        "optimizations": (),
        "batch_size": 4,
    }
    return Settings(**{**known, **changes})


def make_rows(n: int, negative: Any = None) -> tuple[InputRow, ...]:
    """``n`` rows with different prompts and seeds; ``negative`` is a word, ``None``, or one of these for each row."""
    negatives = negative if isinstance(negative, list) else [negative] * n
    prompts = ("a red star", "a blue circle", "", "one of seven green squares in a long row, cut off")
    return tuple(
        InputRow(
            id=f"p{i}-s{7 + i}", prompt_id=f"p{i}", prompt=prompts[i % 4], negative_prompt=negatives[i], seed=7 + i
        )
        for i in range(n)
    )

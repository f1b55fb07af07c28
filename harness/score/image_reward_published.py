"""ImageReward's published file, read as :class:`harness.score.image_reward.RewardNet` has its weights."""

from __future__ import annotations

import re
from typing import Any

import torch

from harness.score.folder_forms import IMAGE_REWARD

State = dict[str, torch.Tensor]
_HEAD_AT = (0, 2, 4, 6, 7)  # where its linear layers stand, dropout between them
_PER_HEAD = 64  # width of an attention head, of BERT and of BLIP's picture encoder


def from_published(state: State) -> tuple[State, dict[str, Any]]:
    """Its weights under the network's names, and the configuration that their shapes show.

    Raises:
        ValueError: it is another network's.
    """
    try:
        return {_renamed(name): value for name, value in state.items() if _kept(name)}, _config_of(state)
    except (KeyError, IndexError) as error:
        raise ValueError(f"it lacks {error}") from error


def _kept(name: str) -> bool:
    """Not what BLIP is trained with beside the two encoders, nor the numbers of places."""
    return name.startswith(("blip.visual_encoder.", "blip.text_encoder.", "mlp.")) and "position_ids" not in name


_NAMES = (
    (r"^blip\.visual_encoder\.cls_token$", "vision.embeddings.class_embedding"),
    (r"^blip\.visual_encoder\.pos_embed$", "vision.embeddings.position_embedding"),
    (r"^blip\.visual_encoder\.patch_embed\.proj\.", "vision.embeddings.patch_embedding."),
    (r"^blip\.visual_encoder\.norm\.", "vision.post_layernorm."),
    (r"^blip\.visual_encoder\.blocks\.(\d+)\.norm(\d)\.", r"vision.encoder.layers.\1.layer_norm\2."),
    (r"^blip\.visual_encoder\.blocks\.(\d+)\.attn\.proj\.", r"vision.encoder.layers.\1.self_attn.projection."),
    (r"^blip\.visual_encoder\.blocks\.(\d+)\.attn\.", r"vision.encoder.layers.\1.self_attn."),
    (r"^blip\.visual_encoder\.blocks\.", "vision.encoder.layers."),
    (r"^blip\.text_encoder\.", "text."),
)


def _renamed(name: str) -> str:
    if name.startswith("mlp.layers."):
        at, kind = name.removeprefix("mlp.layers.").split(".")
        return f"head.{_HEAD_AT.index(int(at))}.{kind}"
    for pattern, other in _NAMES:
        renamed, found = re.subn(pattern, other, name)
        if found:
            return renamed
    return name


def _config_of(state: State) -> dict[str, Any]:
    """Its sizes, read off the weights; the rest is what the published network has."""
    seen, read = "blip.visual_encoder", "blip.text_encoder"
    patch = state[f"{seen}.patch_embed.proj.weight"]
    places = state[f"{seen}.pos_embed"].shape[1] - 1
    words, width = state[f"{read}.embeddings.word_embeddings.weight"].shape
    vision = {
        "hidden_size": len(patch), "intermediate_size": len(state[f"{seen}.blocks.0.mlp.fc1.weight"]),
        "num_hidden_layers": _layers(state, f"{seen}.blocks."), "num_attention_heads": len(patch) // _PER_HEAD,
        "patch_size": patch.shape[-1], "image_size": patch.shape[-1] * round(places**0.5),
        "layer_norm_eps": 1e-6,
    }  # fmt: skip
    text = {
        "hidden_size": width, "encoder_hidden_size": len(patch), "vocab_size": words, "is_decoder": True,
        "intermediate_size": len(state[f"{read}.encoder.layer.0.intermediate.dense.weight"]),
        "num_hidden_layers": _layers(state, f"{read}.encoder.layer."), "num_attention_heads": width // _PER_HEAD,
        "bos_token_id": None, "eos_token_id": None, "sep_token_id": None,
        "max_position_embeddings": len(state[f"{read}.embeddings.position_embeddings.weight"]),
    }  # fmt: skip
    return {"architecture": IMAGE_REWARD, "vision": vision, "text": text}


def _layers(state: State, prefix: str) -> int:
    return 1 + max(int(name.removeprefix(prefix).split(".")[0]) for name in state if name.startswith(prefix))

"""One random CLIP in two formats: as transformers saves it, and as open_clip does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from support.tiny_scorers import LENGTH, tiny_clip

_LAYER = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip
_CONFIG = {
    "embed_dim": 24,
    "quick_gelu": True,  # transformers' own default
    "vision_cfg": {"layers": 2, "width": 32, "head_width": 16, "mlp_ratio": 2.0, "patch_size": 16, "image_size": 32},
    "text_cfg": {"context_length": LENGTH, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2, "mlp_ratio": 2.0},
}


def both(folder: Path) -> tuple[Path, Path]:
    """The folders of the same weights for transformers and for open_clip."""
    from transformers import CLIPModel

    theirs = tiny_clip(folder / "transformers")
    state = CLIPModel.from_pretrained(theirs).state_dict()
    made = folder / "open_clip"
    made.mkdir()
    save_file({name: one.contiguous().clone() for name, one in _open_clip(state).items()},
              made / "open_clip_model.safetensors")  # fmt: skip
    (made / "open_clip_config.json").write_text(json.dumps({"model_cfg": _CONFIG, "preprocess_cfg": {}}))
    return theirs, made


def _open_clip(state: dict[str, Any]) -> dict[str, Any]:
    """transformers' names and layouts → open_clip's."""
    vision, text = "vision_model.", "text_model."
    found = {
        "logit_scale": state["logit_scale"],
        "visual.class_embedding": state[f"{vision}embeddings.class_embedding"],
        "visual.conv1.weight": state[f"{vision}embeddings.patch_embedding.weight"],
        "visual.positional_embedding": state[f"{vision}embeddings.position_embedding.weight"],
        "visual.proj": state["visual_projection.weight"].T,
        "token_embedding.weight": state[f"{text}embeddings.token_embedding.weight"],
        "positional_embedding": state[f"{text}embeddings.position_embedding.weight"],
        "text_projection": state["text_projection.weight"].T,
    }
    for kind in ("weight", "bias"):
        found[f"visual.ln_pre.{kind}"] = state[f"{vision}pre_layrnorm.{kind}"]
        found[f"visual.ln_post.{kind}"] = state[f"{vision}post_layernorm.{kind}"]
        found[f"ln_final.{kind}"] = state[f"{text}final_layer_norm.{kind}"]
        for prefix, ours in ((vision, "visual.transformer"), (text, "transformer")):
            for i in range(2):
                found |= _layer(state, f"{prefix}encoder.layers.{i}", f"{ours}.resblocks.{i}", kind)
    return found


def _layer(state: dict[str, Any], theirs: str, ours: str, kind: str) -> dict[str, Any]:
    """A block's norms and projections; the three of its attention lie one above the other in open_clip."""
    found = {f"{ours}.{name}.{kind}": state[f"{theirs}.{other}.{kind}"] for other, name in _LAYER.items()}
    inner = [state[f"{theirs}.self_attn.{name}_proj.{kind}"] for name in "qkv"]
    return {**found, f"{ours}.attn.in_proj_{kind}": torch.cat(inner)}

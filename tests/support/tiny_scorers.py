"""Scorers of random weights in the real formats, small enough for a test."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file

LENGTH = 16  # tokens that the tiny CLIP takes


def random_alexnet(folder: Path) -> Path:
    """A folder with the convolutions of an AlexNet, which are no LPIPS."""
    torch.manual_seed(3)
    with torch.device("meta"):
        names = {name: one.shape for name, one in torchvision.models.alexnet().state_dict().items()}
    state = {name: torch.randn(shape) / max(1, shape[1:].numel()) ** 0.5
             for name, shape in names.items() if name.startswith("features")}  # fmt: skip
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "alexnet"}))
    return folder


def tiny_clip(folder: Path) -> Path:
    """A CLIPModel as transformers saves it, with CLIP's own vocabulary and a logit scale of e³."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**small, "max_position_embeddings": LENGTH, "vocab_size": 49408, "eos_token_id": 49407}
    vision = {**small, "image_size": 32, "patch_size": 16}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.logit_scale.data.fill_(3.0)
    model.save_pretrained(folder)
    return folder


WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "star", "two", "blue", "circles", "at", "the", "left", "long",
         "prompt", "##s", "x")  # fmt: skip
REWARD_SIZE = {
    "vision": {"img_size": 32, "patch_size": 16, "embed_dim": 128, "depth": 2, "num_heads": 2},
    "text": {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 1, "intermediate_size": 96,
        "vocab_size": len(WORDS) + 2, "max_position_embeddings": 48, "encoder_width": 128, "add_cross_attention": True,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "initializer_range": 0.02, "pad_token_id": 0,
    },
}  # fmt: skip


def tiny_reward(folder: Path) -> Path:
    """``ImageReward.pt`` and ``vocab.txt`` as they are published, random and small; gives the first."""
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    torch.save({name: _random(name, shape) for name, shape in _reward_shapes().items()}, folder / "ImageReward.pt")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder / "ImageReward.pt"


def _random(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if "norm" in name.lower():
        return torch.randn(shape) * 0.2 + (1.0 if name.endswith("weight") else 0.0)
    return torch.randn(shape) * (2.0 / shape[-1]) ** 0.5 if len(shape) > 1 else torch.randn(shape) * 0.2


def _reward_shapes() -> dict[str, tuple[int, ...]]:
    """Of the published file's names, at the small size; BLIP's two projections, which ImageReward does not use, too."""
    seen, read = 128, 64
    v, t = "blip.visual_encoder.", "blip.text_encoder."
    shapes: dict[str, tuple[int, ...]] = {
        f"{v}cls_token": (1, 1, seen), f"{v}pos_embed": (1, 5, seen),
        **_linear(f"{v}patch_embed.proj", seen, 3, 16, 16), **_linear(f"{v}norm", seen),
        f"{t}embeddings.word_embeddings.weight": (len(WORDS) + 2, read),
        f"{t}embeddings.position_embeddings.weight": (48, read), **_linear(f"{t}embeddings.LayerNorm", read),
        **_linear("blip.vision_proj", 256, seen), **_linear("blip.text_proj", 256, read),
    }  # fmt: skip
    for i in range(2):
        block, layer = f"{v}blocks.{i}.", f"{t}encoder.layer.{i}."
        shapes |= _linear(f"{block}norm1", seen) | _linear(f"{block}norm2", seen)
        shapes |= _linear(f"{block}attn.qkv", 3 * seen, seen) | _linear(f"{block}attn.proj", seen, seen)
        shapes |= _linear(f"{block}mlp.fc1", 4 * seen, seen) | _linear(f"{block}mlp.fc2", seen, 4 * seen)
        for kind, width in (("attention", read), ("crossattention", seen)):
            shapes |= _linear(f"{layer}{kind}.self.query", read, read) | _linear(f"{layer}{kind}.self.key", read, width)
            shapes |= _linear(f"{layer}{kind}.self.value", read, width)
            shapes |= _linear(f"{layer}{kind}.output.dense", read, read)
            shapes |= _linear(f"{layer}{kind}.output.LayerNorm", read)
        shapes |= _linear(f"{layer}intermediate.dense", 96, read) | _linear(f"{layer}output.dense", read, 96)
        shapes |= _linear(f"{layer}output.LayerNorm", read)
    for at, (before, after) in zip((0, 2, 4, 6, 7), itertools.pairwise((read, 1024, 128, 64, 16, 1)), strict=True):
        shapes |= _linear(f"mlp.layers.{at}", after, before)
    return shapes


def _linear(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}

"""Scorers of random weights in the real formats, small enough for a test."""

from __future__ import annotations

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

"""Tiny scorers and extractors with random weights, in the real formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

CONTEXT = 12


@pytest.fixture(scope="session")
def scorer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open_clip model with open_clip's own tokenizer."""
    import open_clip
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("scorer")
    config: dict[str, Any] = {
        "embed_dim": 16,
        "vision_cfg": {"layers": 1, "width": 32, "patch_size": 16, "image_size": 32, "head_width": 16},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    for parameter in model.parameters():  # zero biases and small weights would make every text look alike
        torch.nn.init.normal_(parameter, std=0.2)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    save_file({k: v.clone() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def attribute_folder(folder: Path, features: int) -> Path:
    """An attribute network of that many features."""
    from safetensors.torch import save_file

    from harness.score.attribute_net import CONFIG, WEIGHTS, AttributeNet, AttributeNetConfig

    torch.manual_seed(features)
    config = AttributeNetConfig(widths=(8, 8), features=features, heads=(6, 8, 8, 3, 5), side=16)
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(config.model_dump_json())
    save_file(dict(AttributeNet(config).state_dict()), folder / WEIGHTS)
    return folder


@pytest.fixture(scope="session")
def extractor_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extractor of four features."""
    return attribute_folder(tmp_path_factory.mktemp("weights") / "extractor", 4)


@pytest.fixture(scope="session")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge."""
    return attribute_folder(tmp_path_factory.mktemp("weights") / "judge", 8)


@pytest.fixture
def pictures() -> list[Image.Image]:
    """Six different pictures of noise, 64 by 64."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    return [Image.fromarray(picture) for picture in noise]


@pytest.fixture(scope="session")
def depth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Depth Anything as transformers saves it, in half precision as shipped weights are."""
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessor,
    )

    folder = tmp_path_factory.mktemp("weights") / "depth"
    backbone = Dinov2Config(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2,
        out_indices=[1, 2], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=8, reassemble_hidden_size=16, reassemble_factors=[2, 1],
        neck_hidden_sizes=[8, 16], fusion_hidden_size=8, head_hidden_size=8,
    )  # fmt: skip
    torch.manual_seed(0)
    model = DepthAnythingForDepthEstimation(config)
    for parameter in model.parameters():  # as drawn, its last activation may be zero everywhere
        torch.nn.init.normal_(parameter, std=0.2)
    model.half().save_pretrained(folder)
    DPTImageProcessor(do_resize=True, size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder

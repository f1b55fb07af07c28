"""A small convolutional network that sees the world's attributes: the extractor's and the judge's architecture."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from harness.base import Frozen
from harness.errors import MissingError
from harness.score.folder_forms import CONFIG, WEIGHTS, check_attribute_net

__all__ = ["CONFIG", "WEIGHTS", "AttributeNet", "AttributeNetConfig", "load_attribute_net"]


class AttributeNetConfig(Frozen):
    """Widths of the strided stages, size of the feature vector, and the number of values of each attribute."""

    widths: tuple[int, ...]
    features: int
    heads: tuple[int, ...]  # in the order of harness.catalog.world.ATTRIBUTES
    side: int = 64  # pixels; other sizes are resized
    resize: str = "bilinear-antialias"


class AttributeNet(nn.Module):
    """Pictures (n, 3, h, w) in [0, 1] → features (n, d); ``heads`` reads the attributes off them."""

    def __init__(self, config: AttributeNetConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        before = 3
        for width in config.widths:
            stages += [
                nn.Conv2d(before, width, 3, stride=2, padding=1),
                nn.GroupNorm(8, width),
                nn.SiLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.GroupNorm(8, width),
                nn.SiLU(),
            ]
            before = width
        self.body = nn.Sequential(*stages)
        cells = (config.side // 2 ** len(config.widths)) ** 2
        self.neck = nn.Sequential(
            nn.Flatten(), nn.Linear(before * cells, config.features), nn.LayerNorm(config.features)
        )
        self.heads = nn.ModuleList(nn.Linear(config.features, values) for values in config.heads)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) in [0, 1] → (n, d)."""
        side = self.config.side
        if pictures.shape[-2:] != (side, side):
            pictures = nn.functional.interpolate(
                pictures, (side, side), mode="bilinear", antialias=True, align_corners=False
            )
        features: torch.Tensor = self.neck(self.body(pictures * 2 - 1))
        return features

    def logits(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """One (n, values) tensor for each attribute."""
        features = self(pictures)
        return [head(features) for head in self.heads]


def load_attribute_net(folder: Path) -> AttributeNet:
    """The network of a folder with ``config.json`` and ``model.safetensors``, in single precision, ready to use.

    Raises:
        MissingError: it is of another form, or not whole.
    """
    check_attribute_net(folder)
    try:
        config = AttributeNetConfig.model_validate(json.loads((folder / CONFIG).read_text()))
        net = AttributeNet(config)
        net.load_state_dict({name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise MissingError(
            f"The network in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            expected=f"{CONFIG} and {WEIGHTS} of one network",
            do="check the place",
        ) from error
    return net.eval().requires_grad_(False)

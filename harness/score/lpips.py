"""LPIPS: how far two pictures are from each other in the features of an AlexNet or a VGG-16.

Source: R. Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018, and their
package `lpips` 0.1.4, whose linear layers (version 0.1) are in ``weights/lpips.safetensors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from safetensors.torch import load_file

from harness.catalog.types import WeightsRow
from harness.errors import MissingError
from harness.score.literature import lpips_name
from harness.score.network_folder import config_of, load_network, source_of
from harness.score.pixels import source_pixels
from harness.score.view import Arrays, View, called_as, made_by

LINEAR = Path(__file__).parent / "weights" / "lpips.safetensors"
METRIC = "perceptual_distance"
#: Architecture → the layers of torchvision's ``features`` after which the pictures are compared: five ReLUs
LAYERS = {"alexnet": (1, 4, 7, 9, 11), "vgg16": (3, 8, 15, 22, 29)}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_WHAT = "perceptual network"
_CHUNK = 8
_RESIZE = "none: pictures at their own size, the source brought to it, bicubic"
_ROUNDED = "8-bit RGB, the source rounded again after its resize"


class Lpips(torch.nn.Module):
    """Two batches (n, 3, height, width) in [0, 1] → distances (n,), 0 for the same picture."""

    def __init__(self, features: torch.nn.Sequential, architecture: str) -> None:
        super().__init__()
        self.features, self._layers = features, LAYERS[architecture]
        linear = load_file(LINEAR)
        self._linear = [linear[f"{architecture}.{i}"] for i in range(len(self._layers))]

    def forward(self, pictures: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Distances (n,)."""
        total = torch.zeros(len(pictures), device=pictures.device)
        for weights, one, other in zip(self._linear, self._seen(pictures), self._seen(others), strict=True):
            apart = ((one - other) ** 2).mean(dim=(2, 3))
            total = total + apart @ weights.to(apart)
        return total

    def _seen(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Each layer's features, of unit length at every place."""
        shift, scale = (torch.tensor(values).to(pictures)[:, None, None] for values in (_SHIFT, _SCALE))
        values, found = (pictures * 2 - 1 - shift) / scale, []
        for i, layer in enumerate(self.features[: self._layers[-1] + 1]):
            values = layer(values)
            if i in self._layers:
                found.append(values / (values.norm(dim=1, keepdim=True) + 1e-10))
        return found


def backbone(folder: Path) -> tuple[torch.nn.Sequential, dict[str, Any]]:
    """The convolutions of a folder with ``config.json`` (``architecture``: alexnet or vgg16; ``source_sha256``) and
    ``model.safetensors`` under torchvision's names, and its configuration.

    Raises:
        MissingError: it is not whole, or another network.
    """
    config = config_of(folder, _WHAT)
    architecture = config.get("architecture")
    if architecture not in LAYERS:
        raise MissingError(
            f"{folder} holds {architecture!r}, and LPIPS has no linear layers for it.",
            expected=f"an `architecture` of {' or '.join(LAYERS)} in config.json",
        )
    net = load_network(folder, _WHAT, lambda: convolutions(architecture), _is_convolution)
    return net.features, config  # type: ignore[return-value]  # of _Features


def convolutions(architecture: str) -> torch.nn.Module:
    """torchvision's network without its classifier, under torchvision's names; its weights are drawn at random."""
    return _Features(getattr(torchvision.models, architecture)(weights=None).features)


def _is_convolution(name: str) -> bool:
    return name.startswith("features.")


class _Features(torch.nn.Module):
    """Only the convolutions of a classifier, under their own names."""

    def __init__(self, features: torch.nn.Module) -> None:
        super().__init__()
        self.features = features


class Perceptual:
    """``perceptual_distance`` (n,) of each picture to what it started from; not a number where it has no source."""

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        features, config = backbone(folder)
        self._net, self._device = Lpips(features, config["architecture"]).to(device), device
        self.made_by = made_by(
            row, _RESIZE, "torch", "torchvision", "pillow",
            quantisation=_ROUNDED, architecture=f"{config['architecture']} with the linear layers of lpips 0.1",
        )  # fmt: skip
        declared = bool(row.literature)
        called = lpips_name(config["architecture"], source_of(config), declared=declared)
        if called is not None:
            self.made_by[called_as(METRIC)] = called

    def __call__(self, views: Sequence[View]) -> Arrays:
        """One distance a view."""
        found = np.full(len(views), np.nan)
        there = [i for i, view in enumerate(views) if view.image is not None]
        for i in range(0, len(there), _CHUNK):
            chunk = there[i : i + _CHUNK]
            found[chunk] = self._distances([views[k] for k in chunk])
        return {METRIC: found}

    @torch.inference_mode()
    def _distances(self, views: Sequence[View]) -> NDArray[np.float64]:
        pictures = [np.asarray(view.picture.convert("RGB")) for view in views]
        sources = [source_pixels(view.image, view.picture.size) for view in views if view.image is not None]
        distances: torch.Tensor = self._net(self._batch(pictures), self._batch(sources))
        return distances.double().cpu().numpy()

    def _batch(self, pixels: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).to(self._device).float() / 255.0

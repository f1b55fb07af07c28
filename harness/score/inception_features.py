"""Features under the Inception of the Fréchet Inception Distance, with the resize that is part of its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from harness.catalog.types import WeightsRow
from harness.errors import MissingError
from harness.score.folder_forms import INCEPTION, weights_sha256
from harness.score.inception import SIDE, Inception
from harness.score.literature import fid_name
from harness.score.network_folder import config_of, load_network, source_of
from harness.score.view import Arrays, View, called_as, made_by

ARCHITECTURE = INCEPTION
METRIC = "frechet"
_WHAT = "Inception"
_CHUNK = 16
Pixels = NDArray[np.uint8]


def tf(pixels: Pixels) -> torch.Tensor:
    """(height, width, 3) → (3, 299, 299): bilinear as in TensorFlow 1, without antialiasing, corners not aligned.

    Source: TensorFlow 1's ``resize_bilinear``; torch-fidelity's ``interpolate_bilinear_2d_like_tensorflow1x``.
    """
    levels = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
    return _along(_along(levels, 2), 1)


def _along(levels: torch.Tensor, axis: int) -> torch.Tensor:
    size = levels.shape[axis]
    places = torch.arange(SIDE, dtype=torch.float32) * torch.tensor(size / SIDE, dtype=torch.float32)
    low = places.long()
    high = (low + 1).clamp_max(size - 1)
    shape = [-1 if i == axis else 1 for i in range(3)]
    share = (places - low).reshape(shape)
    one, other = levels.index_select(axis, low), levels.index_select(axis, high)
    return one + (other - one) * share


def clean(pixels: Pixels) -> torch.Tensor:
    """Each colour by PIL's bicubic in single precision, not rounded to levels. Source: clean-fid's ``clean`` mode."""
    colours = [Image.fromarray(pixels[..., i].astype(np.float32)) for i in range(3)]
    resized = [np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in colours]
    return torch.from_numpy(np.stack(resized).clip(0, 255))


def antialias(pixels: Pixels) -> torch.Tensor:
    """Bilinear with antialiasing. Source: torchmetrics' ``FrechetInceptionDistance(antialias=True)``, its default."""
    levels = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    return interpolate(levels, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)[0]


RESIZES: dict[str, Callable[[Pixels], torch.Tensor]] = {"tf": tf, "clean": clean, "antialias": antialias}
_TOLD = {
    "tf": "TensorFlow 1's bilinear, no antialiasing, to 299×299; not rounded",
    "clean": "PIL's bicubic in single precision, to 299×299; not rounded (clean-fid)",
    "antialias": "torch's bilinear, antialiased, to 299×299; not rounded (torchmetrics)",
}


def load_inception(folder: Path) -> tuple[Inception, dict[str, Any]]:
    """The network of a folder with ``config.json`` (``architecture``, ``resize``, ``source_sha256``) and
    ``model.safetensors``, and its configuration.

    Raises:
        MissingError: it is not whole, or it names no resize that there is.
    """
    config = config_of(folder, _WHAT)
    if config.get("resize") not in RESIZES:
        raise MissingError(
            f"{folder} names {config.get('resize')!r} for its resize.",
            expected=f"a `resize` of {', '.join(RESIZES)} in config.json",
        )
    net = load_network(folder, _WHAT, Inception)
    return net, config  # type: ignore[return-value]  # what was built


class InceptionFeatures:
    """``features`` (n, 2048) of the pictures, single precision; pictures are 8-bit before they are resized."""

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        net, config = load_inception(folder)
        self._net, self._device, self._resize = net.to(device), device, RESIZES[config["resize"]]
        self.made_by = made_by(
            row, _TOLD[config["resize"]], "torch", "pillow",
            quantisation="8-bit RGB before the resize", architecture=ARCHITECTURE,
        )  # fmt: skip
        self.made_by["weights_sha256"] = weights_sha256(folder)
        called = fid_name(source_of(config), config["resize"])
        if called is not None:
            self.made_by[called_as(METRIC)] = called

    def __call__(self, views: Sequence[View]) -> Arrays:
        """The features."""
        chunks = [views[i : i + _CHUNK] for i in range(0, len(views), _CHUNK)]
        return {"features": np.concatenate([self._features(chunk) for chunk in chunks])}

    @torch.inference_mode()
    def _features(self, views: Sequence[View]) -> NDArray[np.float32]:
        resized = torch.stack([self._resize(np.asarray(view.picture.convert("RGB"))) for view in views])
        features: torch.Tensor = self._net(resized.to(self._device))
        return features.float().cpu().numpy()

"""Pictures → features, by the weights that a catalog row names: one table, one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import harness
from harness.catalog.types import Network, Place, WeightsRow
from harness.errors import MissingError
from harness.hub import asking_the_hub
from harness.score.folder_forms import check_folder, is_image_reward, weights_sha256
from harness.score.pixels import Pixels
from harness.score.view import Arrays, FeatureMaker, View, made_by

__all__ = ["Arrays", "FeatureMaker", "View", "as_tensor", "load_feature_maker", "weights_folder"]

_CHUNK = 256
_SCORER_FILES = ["*.json", "*.txt", "*.safetensors", "*.model"]


def _made_by(row: WeightsRow, config: Any, folder: Path) -> dict[str, str]:
    """What an attribute network's feature file says of itself."""
    resize = f"bilinear, antialiased, to {config.side}×{config.side}"
    architecture = f"{len(config.widths)} strided stages, {config.features} features"
    known = made_by(row, resize, "torch", quantisation="8-bit RGB before the resize", architecture=architecture)
    return known | {"weights_sha256": weights_sha256(folder)}


class _Extractor:
    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        from harness.score.extractor import load_extractor

        self._net, self._device = load_extractor(folder).to(device), device
        self.made_by = _made_by(row, self._net.config, folder)

    def __call__(self, views: Sequence[View]) -> Arrays:
        return {"features": _over(views, self._device, self._net)}


class _Judge:
    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        from harness.score.world_truth import load_judge, seen

        judge = load_judge(folder).to(device)
        self._see, self._device = lambda batch: seen(judge, batch), device
        self.made_by = _made_by(row, judge.config, folder)

    def __call__(self, views: Sequence[View]) -> Arrays:
        return {"predictions": _over(views, self._device, self._see)}


def _open_clip(row: WeightsRow, folder: Path, device: str) -> FeatureMaker:
    from harness.score.open_clip_features import OpenClip

    return OpenClip(row, folder, device)


def _depth(row: WeightsRow, folder: Path, device: str) -> FeatureMaker:
    from harness.score.depth import Depth

    return Depth(row, folder, device)


def _perceptual(row: WeightsRow, folder: Path, device: str) -> FeatureMaker:
    from harness.score.lpips import Perceptual

    return Perceptual(row, folder, device)


def _preference(row: WeightsRow, folder: Path, device: str) -> FeatureMaker:
    """The folder says which network it is: ImageReward, or a CLIP."""
    if is_image_reward(folder):
        from harness.score.image_reward import ImageReward

        return ImageReward(row, folder, device)
    from harness.score.preference import Preference

    return Preference(row, folder, device)


def _own(row: WeightsRow) -> FeatureMaker:
    from harness.score.plugins import OwnPictures

    return OwnPictures(row)


def _extractor(row: WeightsRow, folder: Path, device: str) -> FeatureMaker:
    """The folder says which network it is: the FID's Inception, or the miniature's."""
    from harness.score.inception_features import ARCHITECTURE, InceptionFeatures
    from harness.score.network_folder import config_of

    inception = config_of(folder, "extractor").get("architecture") == ARCHITECTURE
    return InceptionFeatures(row, folder, device) if inception else _Extractor(row, folder, device)


_WITH_WEIGHTS: dict[Network, Callable[[WeightsRow, Path, str], FeatureMaker]] = {
    "open_clip": _open_clip,
    "extractor": _extractor,
    "judge": _Judge,
    "depth": _depth,
    "perceptual": _perceptual,
    "preference": _preference,
}


def load_feature_maker(row: WeightsRow, device: str) -> FeatureMaker:
    """The weights of ``row`` on ``device`` ("cpu", "cuda:0", "mps"); a row without a place needs none.

    Raises:
        MissingError: they are not where the row says, and cannot be downloaded.
    """
    if row.kind == "own":
        return _own(row)
    if row.place is None:
        return Pixels(row)
    folder = weights_folder(row.place)
    check_folder(row.kind, folder)
    return _WITH_WEIGHTS[row.kind](row, folder, device)


def weights_folder(place: Place) -> Path:
    """The folder of a scorer's weights; a hub's repository is downloaded, without pickle files, or found in HF_HOME."""
    if place.kind == "hub":
        return _download(place)
    folder = Path(harness.__file__).parent / place.where if place.kind == "package" else Path(place.where)
    if not folder.is_dir():
        raise MissingError(f"There is no folder {folder} with a scorer's weights.", do="check the scorer's place")
    return folder


def _download(place: Place) -> Path:
    from huggingface_hub import snapshot_download

    with asking_the_hub("scorer", place):
        return Path(snapshot_download(place.where, revision=place.revision, allow_patterns=_SCORER_FILES))


@torch.inference_mode()
def _over(views: Sequence[View], device: str, see: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[Any]:
    pictures = [view.picture for view in views]
    chunks = [as_tensor(pictures[i : i + _CHUNK]).to(device) for i in range(0, len(pictures), _CHUNK)]
    seen: NDArray[Any] = torch.cat([see(chunk).cpu() for chunk in chunks]).numpy()
    return seen


def as_tensor(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Pictures of one size as (n, 3, height, width) in [0, 1], single precision."""
    pixels = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0

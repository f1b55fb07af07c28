"""Pictures → features, by the weights that a catalog row names: one table, one function a kind."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import harness
from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError
from harness.hub import asking_the_hub

Arrays = dict[str, NDArray[Any]]
_CHUNK = 256
_SCORER_FILES = ["*.json", "*.txt", "*.safetensors", "*.model"]


class FeatureMaker(Protocol):
    """Loaded weights, ready to look at pictures."""

    made_by: dict[str, str]  # what a feature file's metadata say: weights, resize, library versions

    def __call__(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> Arrays:
        """The arrays of a feature file, one line a picture."""
        ...


class _OpenClip:
    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        from harness.score.open_clip_scorer import load_from_folder

        self._scorer = load_from_folder(folder, device)
        self.made_by = _made_by(row, str(self._scorer.preprocess_config), "torch", "open-clip-torch")

    def __call__(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> Arrays:
        texts = self._scorer.texts(prompts)
        return {
            "image_features": self._scorer.images(pictures),
            "text_features": texts.features,
            "n_tokens": texts.n_tokens,
            "truncated": texts.truncated,
        }


class _Extractor:
    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        from harness.score.extractor import load_extractor

        self._net, self._device = load_extractor(folder).to(device), device
        self.made_by = _made_by(row, row.resize, "torch")

    def __call__(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> Arrays:
        return {"features": _over(pictures, self._device, self._net)}


class _Judge:
    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        from harness.score.world_truth import load_judge, seen

        judge = load_judge(folder).to(device)
        self._see, self._device = lambda batch: seen(judge, batch), device
        self.made_by = _made_by(row, row.resize, "torch")

    def __call__(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> Arrays:
        return {"predictions": _over(pictures, self._device, self._see)}


_KINDS: dict[str, Callable[[WeightsRow, Path, str], FeatureMaker]] = {
    "open_clip": _OpenClip,
    "extractor": _Extractor,
    "judge": _Judge,
}


def load_feature_maker(row: WeightsRow, device: str) -> FeatureMaker:
    """The weights of ``row`` on ``device`` ("cpu", "cuda:0", "mps").

    Raises:
        MissingError: they are not where the row says, and cannot be downloaded.
    """
    return _KINDS[row.kind](row, weights_folder(row.place), device)


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
def _over(pictures: Sequence[Image.Image], device: str, see: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[Any]:
    chunks = [as_tensor(pictures[i : i + _CHUNK]).to(device) for i in range(0, len(pictures), _CHUNK)]
    seen: NDArray[Any] = torch.cat([see(chunk).cpu() for chunk in chunks]).numpy()
    return seen


def as_tensor(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Pictures of one size as (n, 3, height, width) in [0, 1], single precision."""
    pixels = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0


def _made_by(row: WeightsRow, resize: str, *libraries: str) -> dict[str, str]:
    versions = {library: importlib.metadata.version(library) for library in libraries}
    return {"weights": row.name, "architecture": row.architecture, "resize": resize, **versions}

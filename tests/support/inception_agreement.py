"""The FID's Inception beside torch-fidelity's, torchmetrics' and clean-fid's: the same pictures and random weights.

Each reference resizes the pictures itself, in the way that its FID is named after (``tf``, ``antialias``, ``clean``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from support.agreement import Agreement, relative
from support.references import absent, called, reference

from harness.catalog.types import Place, WeightsRow
from harness.score.frechet import frechet_from_features
from harness.score.inception import Inception
from harness.score.inception_features import InceptionFeatures
from harness.score.view import View

SIDES = (64, 512)  # enlarged, and made smaller, where one resize averages and another does not
_BAR = 1e-4
_PUBLISHED = "inception-2015-12-05.pt"  # what clean-fid calls its network's file
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Distance = Callable[[Path, Pixels, Pixels], float]


class _Way(NamedTuple):
    """A resize, the package whose FID has it, the module that its network comes from, and its distance."""

    resize: str
    package: str
    needs: str
    distance: Distance


def random_inception(folder: Path) -> Path:
    """An Inception of random weights whose features differ between pictures: safetensors, and a pickle beside it."""
    torch.manual_seed(0)
    net = Inception()
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            torch.nn.init.normal_(module.bias, 0, 0.1)
    folder.mkdir()
    save_file({name: one.contiguous() for name, one in net.state_dict().items()}, folder / "model.safetensors")
    torch.save(net.state_dict(), folder / "weights.pth")
    return folder


def inception_agreement(folder: Path, n: int = 8) -> list[Agreement]:
    """Fréchet distance of two sets through the whole path, from pictures to the number."""
    kept = random_inception(folder / "inception")
    return [_line(kept, way, side, n) for way in _WAYS for side in SIDES]


def _line(kept: Path, way: _Way, side: int, n: int) -> Agreement:
    case = f"2 × {n} pictures of {side}×{side}, random Inception, {way.resize} resize"
    if reference(way.needs) is None:
        return absent("frechet", way.package, case, _BAR)
    first, second = two_sets(side, n)
    (kept / "config.json").write_text(json.dumps({"architecture": "inception-v3-compat", "resize": way.resize}))
    ours = frechet_from_features(*(_features(kept, pixels) for pixels in (first, second)))
    theirs = way.distance(kept / "weights.pth", first, second)
    return Agreement("frechet", called(way.package), case, ours, theirs, relative(ours, theirs), _BAR)


def two_sets(side: int, n: int) -> tuple[Pixels, Pixels]:
    """(n, side, side, 3): noise, and the same darker with more noise."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    second = (first.astype(float) * 0.8 + rng.normal(20, 30, first.shape)).clip(0, 255).astype(np.uint8)
    return first, second


def _features(kept: Path, pixels: Pixels) -> np.ndarray[Any, Any]:
    row = WeightsRow(name="random", kind="extractor", place=Place(kind="folder", where=str(kept)), architecture="any",
                     embedding_dim=2048, resize="any", verified=False)  # fmt: skip
    make = InceptionFeatures(row, kept, "cpu")
    return make([View(Image.fromarray(one), "") for one in pixels])["features"].astype(np.float64)


def _torch_fidelity(weights: Path, first: Pixels, second: Pixels) -> float:
    from torch_fidelity import metric_fid
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    net = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(weights))
    with torch.inference_mode():
        features = [net(torch.from_numpy(one).permute(0, 3, 1, 2))[0] for one in (first, second)]
    known = [metric_fid.fid_features_to_statistics(one) for one in features]
    return float(metric_fid.fid_statistics_to_metric(*known, False)["frechet_inception_distance"])


def _torchmetrics(weights: Path, first: Pixels, second: Pixels) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights))
    for pixels, real in ((first, True), (second, False)):
        metric.update(torch.from_numpy(pixels).permute(0, 3, 1, 2), real=real)
    return float(metric.compute())


def _clean_fid(weights: Path, first: Pixels, second: Pixels) -> float:
    """From files: its own reading, resize, levels, network and distance."""
    from cleanfid import fid
    from cleanfid.inception_torchscript import InceptionV3W

    with tempfile.TemporaryDirectory() as folder:
        _as_published(weights, Path(folder))
        net = InceptionV3W(folder, download=False, resize_inside=False)
        features = [
            fid.get_files_features(
                _png_files(pixels, Path(folder)), net, num_workers=0, device=torch.device("cpu"), verbose=False
            )
            for pixels in (first, second)
        ]
    return float(fid.fid_from_feats(*features))


def _as_published(weights: Path, folder: Path) -> None:
    """clean-fid's second network, of pytorch-fid's code, with these weights and in the file of its first one.

    The first one is a TorchScript file of NVIDIA's, of the published weights only.
    """
    from cleanfid import inception_pytorch

    fetch = inception_pytorch.load_state_dict_from_url
    inception_pytorch.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    try:
        net = inception_pytorch.InceptionV3(output_blocks=[3], resize_input=False, normalize_input=False).eval()
    finally:
        inception_pytorch.load_state_dict_from_url = fetch
    torch.jit.save(torch.jit.trace(_Base(_Last(net)), torch.zeros(2, 3, 299, 299)), folder / _PUBLISHED)


class _Last(torch.nn.Module):
    """A network's last output."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 299, 299) → (n, 2048, 1, 1)."""
        return self.net(x)[-1]


class _Base(torch.nn.Module):
    """What stands in the file: clean-fid takes its ``layers``, and makes levels of its own for them."""

    def __init__(self, layers: torch.nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As ``layers``."""
        return self.layers(x)


def _png_files(pixels: Pixels, folder: Path) -> list[str]:
    files = [folder / f"{i}.png" for i in range(len(pixels))]
    for file, one in zip(files, pixels, strict=True):
        Image.fromarray(one).save(file)
    return [str(file) for file in files]


_WAYS = (
    _Way("tf", "torch-fidelity", "torch_fidelity", _torch_fidelity),
    _Way("antialias", "torchmetrics", "torch_fidelity", _torchmetrics),
    _Way("clean", "clean-fid", "cleanfid", _clean_fid),
)

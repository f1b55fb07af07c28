"""How pictures are brought to the Inception, and what its feature file says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save
from safetensors.torch import save_file

from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError
from harness.run.aggregate import scored
from harness.run.aggregated import Gathered
from harness.score import inception_features
from harness.score.features import View, load_feature_maker
from harness.score.folder_forms import weights_sha256
from harness.score.inception import SIDE
from harness.score.inception_features import RESIZES, antialias, clean, tf
from harness.score.literature import INCEPTION
from harness.score.reference_set import Reference


class Small(torch.nn.Module):
    """In place of the Inception: a mean of each colour."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An extractor's folder that says it is the Inception."""
    monkeypatch.setattr(inception_features, "Inception", Small)
    save_file(Small().state_dict(), tmp_path / "model.safetensors")
    return tmp_path


def row(folder: Path) -> WeightsRow:
    return WeightsRow(name="random-inception", kind="extractor", place=Place(kind="folder", where=str(folder)),
                      architecture="any", embedding_dim=2048, resize="any", verified=False)  # fmt: skip


def describe(folder: Path, **changes: str) -> None:
    known = {"architecture": "inception-v3-compat", "resize": "tf", "source_sha256": "", **changes}
    (folder / "config.json").write_text(json.dumps(known))


def test_tensorflows_resize_starts_at_the_first_pixel_and_mixes_neighbours() -> None:
    """TensorFlow 1: output i lies at i·size/299 of the input, from its upper left corner; the last is repeated."""
    ramp = np.zeros((2, 5, 3), np.uint8)
    ramp[..., 0] = [0, 50, 100, 150, 200]
    ramp[1, :, 1] = 100
    found = tf(ramp).numpy()
    places = np.minimum(np.arange(SIDE) * 5 / SIDE, 4)
    assert found.shape == (3, SIDE, SIDE) and found[0, 7] == pytest.approx(50 * places, abs=1e-3)
    assert found[1, :, 0] == pytest.approx(100 * np.minimum(np.arange(SIDE) * 2 / SIDE, 1), abs=1e-3)


def test_each_resize_is_its_own(pictures: list[Image.Image]) -> None:
    pixels = np.asarray(pictures[0])
    made = {name: resize(pixels) for name, resize in RESIZES.items()}
    assert all(one.shape == (3, SIDE, SIDE) and one.min() >= 0 and one.max() <= 255 for one in made.values())
    apart = [float((made[a] - made[b]).abs().mean()) for a, b in (("tf", "clean"), ("tf", "antialias"))]
    assert min(apart) > 1
    large = np.asarray(pictures[0].resize((600, 600)))
    assert float((antialias(large) - tf(large)).abs().mean()) > 0.1  # only one of them averages when it shrinks
    by_pil = Image.fromarray(pixels[..., 2].astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    assert np.array_equal(clean(pixels)[2].numpy(), np.asarray(by_pil).clip(0, 255))


def test_the_name_follows_from_the_weights_and_the_resize(folder: Path, pictures: list[Image.Image]) -> None:
    describe(folder)
    make = load_feature_maker(row(folder), "cpu")
    found = make([View(picture, "") for picture in pictures])["features"]
    assert found.shape == (6, 3) and "called_frechet" not in make.made_by
    assert make.made_by["quantisation"] == "8-bit RGB before the resize" and "TensorFlow" in make.made_by["resize"]
    for resize in RESIZES:
        describe(folder, resize=resize, source_sha256=INCEPTION, weights_sha256=weights_sha256(folder))
        assert load_feature_maker(row(folder), "cpu").made_by["called_frechet"] == f"fid_{resize}"
    describe(folder, source_sha256=INCEPTION)
    assert "called_frechet" not in load_feature_maker(row(folder), "cpu").made_by, "which weights it speaks of is open"


def test_weights_that_were_exchanged_after_the_conversion_are_refused(folder: Path) -> None:
    describe(folder, source_sha256=INCEPTION, weights_sha256=weights_sha256(folder))
    save_file(Small().state_dict(), folder / "model.safetensors")
    with pytest.raises(MissingError, match="its SHA-256 is another"):
        load_feature_maker(row(folder), "cpu")


def test_a_score_says_how_its_features_were_made(folder: Path, pictures: list[Image.Image]) -> None:
    """Of the feature file, not of the row that names the folder: that one knows nothing."""
    describe(folder, resize="clean")
    make = load_feature_maker(row(folder), "cpu")
    features = make([View(picture, "") for picture in pictures])["features"]
    known = Reference({}, "r", features=np.random.default_rng(0).normal(size=(9, 3)))
    data, names = save({"features": np.tile(features, (6, 1))}, metadata=make.made_by), [f"p{i}" for i in range(36)]
    made_by = scored("frechet", Gathered(data, row(folder), "0" * 64, names, names, known)).score.made_by
    assert made_by["architecture"] == "inception-v3-compat" and "clean-fid" in made_by["resize"]
    assert made_by["quantisation"] == "8-bit RGB before the resize"


def test_a_resize_that_there_is_not(folder: Path) -> None:
    describe(folder, resize="lanczos")
    with pytest.raises(MissingError, match="'lanczos' for its resize"):
        load_feature_maker(row(folder), "cpu")

"""LPIPS on a small saved AlexNet of random weights, against torchmetrics' own on the same; never called `lpips`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError
from harness.score.features import View, load_feature_maker
from harness.score.folder_forms import weights_sha256
from harness.score.lpips import LINEAR, Lpips, backbone
from harness.score.view import called_as


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    """torchmetrics' LPIPS on a random AlexNet."""
    from torchmetrics.functional.image.lpips import _LPIPS

    torch.manual_seed(3)
    return _LPIPS(pretrained=True, net="alex", pnet_rand=True)


@pytest.fixture(scope="module")
def folder(theirs: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backbone, as this project keeps one: ``features.N.…``, whatever slice it was in."""
    folder = tmp_path_factory.mktemp("weights") / "random-alexnet"
    folder.mkdir()
    state = {f"features.{name.partition('.')[2]}": one.clone() for name, one in theirs.net.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "alexnet"}))
    return folder


def row(folder: Path, literature: str = "") -> WeightsRow:
    return WeightsRow(name=folder.name, kind="perceptual", place=Place(kind="folder", where=str(folder)),
                      architecture="AlexNet", embedding_dim=None, resize="none", verified=True,
                      literature=literature)  # fmt: skip


def test_it_is_what_torchmetrics_says(theirs: torch.nn.Module, folder: Path) -> None:
    torch.manual_seed(0)
    one, other = torch.rand(4, 3, 64, 96), torch.rand(4, 3, 64, 96)
    other[1:3] = (one[1:3] + 0.05 * torch.randn(2, 3, 64, 96)).clip(0, 1)
    other[3] = one[3]
    features, _ = backbone(folder)
    with torch.inference_mode():
        mine, wanted = Lpips(features, "alexnet")(one, other), theirs(one * 2 - 1, other * 2 - 1).flatten()
    assert mine.numpy() == pytest.approx(wanted.numpy(), abs=1e-7) and wanted[0] > wanted[1] > 0 == mine[3]


def test_pictures_are_held_against_what_they_started_from(folder: Path, pictures: list[Image.Image]) -> None:
    make = load_feature_maker(row(folder), "cpu")
    large = pictures[1].resize((128, 128))
    views = [View(pictures[0], ""), View(pictures[0], "", image=pictures[0]), View(pictures[0], "", image=large)]
    found = make(views)["perceptual_distance"]
    assert np.isnan(found[0]) and found[1] == 0 and found[2] > 0
    assert make.made_by["weights"] == "random-alexnet" and called_as("perceptual_distance") not in make.made_by


def test_only_the_literatures_weights_are_called_so(folder: Path, tmp_path: Path) -> None:
    assert load_feature_maker(row(folder, "lpips_alex"), "cpu").made_by["called_perceptual_distance"] == "lpips_alex"
    again = tmp_path / "alexnet"
    again.mkdir()
    (again / "model.safetensors").symlink_to(folder / "model.safetensors")
    config = {
        "architecture": "alexnet",
        "source_sha256": "7be5be79" + "0" * 56,
        "weights_sha256": weights_sha256(again),
    }
    (again / "config.json").write_text(json.dumps(config))
    assert load_feature_maker(row(again), "cpu").made_by["called_perceptual_distance"] == "lpips_alex"


def test_what_is_missing_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="cannot be loaded"):
        backbone(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet50"}))
    with pytest.raises(MissingError, match="no linear layers"):
        backbone(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "alexnet"}))
    torch.save({}, tmp_path / "model.pth")
    with pytest.raises(MissingError, match="pickle files are refused"):
        backbone(tmp_path)
    save_file({"features.0.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(MissingError, match="cannot be loaded"):
        backbone(tmp_path)


def test_the_linear_layers_are_in_the_package_with_their_licence() -> None:
    assert "Redistributions" in (LINEAR.parent / "LPIPS-LICENSE").read_text()

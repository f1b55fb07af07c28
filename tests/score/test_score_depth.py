"""The depth estimator: a tiny one with random weights, in transformers' own format."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError
from harness.score.depth import load_depth_estimator
from harness.score.features import View, load_feature_maker


def row(folder: Path) -> WeightsRow:
    place = Place(kind="folder", where=str(folder))
    return WeightsRow(name="tiny-depth", kind="depth", place=place, architecture="tiny", embedding_dim=None,
                      resize="the image processor's own", verified=True)  # fmt: skip


def test_a_map_is_the_pipelines_own(depth_folder: Path, pictures: list[Image.Image]) -> None:
    from transformers import AutoImageProcessor, pipeline

    theirs = pipeline("depth-estimation", model=str(depth_folder), dtype=torch.float32, device="cpu",
                      image_processor=AutoImageProcessor.from_pretrained(depth_folder))  # fmt: skip
    mine = load_depth_estimator(depth_folder, "cpu")
    wide = pictures[0].resize((96, 64))
    for picture in (pictures[1], wide):
        found = mine(picture)
        assert found.mode == "L" and found.size == picture.size and found.getextrema() == (0, 255)
        assert np.array_equal(np.asarray(found), np.asarray(theirs(picture)["depth"]))


def test_a_picture_agrees_with_its_own_depth_and_with_no_other(depth_folder: Path, pictures: list[Image.Image]) -> None:
    estimate, make = load_depth_estimator(depth_folder, "cpu"), load_feature_maker(row(depth_folder), "cpu")
    hints = [estimate(picture) for picture in pictures[:3]]
    shuffled = [Image.fromarray(np.random.default_rng(0).permutation(np.asarray(h).ravel()).reshape(64, 64))
                for h in hints]  # fmt: skip
    views = [
        *(View(picture, "", hint=hint.convert("RGB")) for picture, hint in zip(pictures, hints, strict=False)),
        *(View(picture, "", hint=hint) for picture, hint in zip(pictures, shuffled, strict=False)),
        View(pictures[0], ""),
    ]
    made = make(views)
    assert made["agreement"][:3] == pytest.approx(np.ones(3)) and made["error"][:3] == pytest.approx(np.zeros(3))
    assert (np.abs(made["agreement"][3:6]) < 0.2).all() and (made["error"][3:6] > 0.1).all()
    assert np.isnan(made["agreement"][6]) and np.isnan(made["error"][6]) and make.made_by["transformers"]


def test_a_hint_of_another_size_is_brought_to_the_pictures(depth_folder: Path, pictures: list[Image.Image]) -> None:
    smooth = pictures[0].resize((4, 4)).resize((64, 64), Image.Resampling.BICUBIC)
    hint = load_depth_estimator(depth_folder, "cpu")(smooth)
    made = load_feature_maker(row(depth_folder), "cpu")([View(smooth, "", hint=hint.resize((128, 128)))])
    assert made["agreement"][0] > 0.98 and made["error"][0] < 0.05


def test_a_flat_map_is_black_and_agrees_with_nothing(
    depth_folder: Path, pictures: list[Image.Image], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(depth_folder, tmp_path / "depth")
    weights = {name: torch.zeros_like(value) for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_depth_estimator(folder, "cpu")(pictures[0]).getextrema() == (0, 0)
    made = load_feature_maker(row(folder), "cpu")([View(pictures[0], "", hint=pictures[1])])
    assert made["agreement"][0] == 0 and np.isfinite(made["error"][0])


def test_what_is_missing_is_told(depth_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"depth estimator in .* cannot be loaded"):
        load_depth_estimator(tmp_path, "cpu")
    folder = shutil.copytree(depth_folder, tmp_path / "depth")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:2000])
    with pytest.raises(MissingError, match="cannot be loaded"):
        load_depth_estimator(folder, "cpu")
    weights.unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(MissingError, match="pickle files are refused"):
        load_depth_estimator(folder, "cpu")

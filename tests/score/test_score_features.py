"""From a catalog row to the arrays of a feature file, for every kind of weights."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save

from harness.catalog.types import Place, WeightsRow
from harness.catalog.weights import WEIGHTS
from harness.errors import MissingError
from harness.run.aggregate import scored
from harness.run.aggregated import Gathered
from harness.score.features import View, as_tensor, load_feature_maker, weights_folder
from harness.score.folder_forms import check_folder


def row(kind: str, folder: Path) -> WeightsRow:
    return WeightsRow(
        name=f"tiny-{kind}", kind=kind, place=Place(kind="folder", where=str(folder)), architecture="tiny",
        embedding_dim=None, resize="bilinear", verified=True,
    )  # type: ignore[arg-type]  # fmt: skip


def views(pictures: list[Image.Image], prompt: str = "") -> list[View]:
    return [View(picture, prompt) for picture in pictures]


def test_open_clip_gives_both_towers_and_the_tokens(scorer_folder: Path, pictures: list[Image.Image]) -> None:
    make = load_feature_maker(row("open_clip", scorer_folder), "cpu")
    arrays = make(views(pictures, "a star"))
    assert arrays["image_features"].shape == arrays["text_features"].shape == (6, 16)
    assert set(arrays) == {"image_features", "text_features", "n_tokens", "truncated"}
    assert arrays["n_tokens"].shape == arrays["truncated"].shape == (6,)
    assert make.made_by["weights"] == "tiny-open_clip" and "bicubic" in make.made_by["resize"]
    assert make.made_by["open-clip-torch"] and make.made_by["torch"] == version("torch")


def test_an_extractor_sees_pixels_from_zero_to_one(extractor_folder: Path, pictures: list[Image.Image]) -> None:
    from harness.score.extractor import load_extractor

    arrays = load_feature_maker(row("extractor", extractor_folder), "cpu")(views(pictures))
    by_hand = torch.from_numpy(np.stack([np.asarray(p) for p in pictures])).permute(0, 3, 1, 2) / 255
    assert np.allclose(arrays["features"], load_extractor(extractor_folder)(by_hand).numpy(), atol=1e-6)
    assert arrays["features"].shape == (6, 4)


def test_a_judge_gives_five_attributes(judge_folder: Path, pictures: list[Image.Image]) -> None:
    arrays = load_feature_maker(row("judge", judge_folder), "cpu")(views(pictures))
    assert arrays["predictions"].shape == (6, 5) and arrays["predictions"].dtype == np.int64


def test_pixels_need_no_weights(pictures: list[Image.Image]) -> None:
    make = load_feature_maker(WEIGHTS["pixels"], "cpu")
    arrays = make(views(pictures))
    assert set(arrays) == {"ssim", "psnr", "outside", "edge", "converged"} and np.isnan(arrays["outside"]).all()
    assert np.isnan(arrays["converged"]).all()
    assert make.made_by["weights"] == "pixels" and make.made_by["pillow"] == version("pillow")


def test_pictures_are_cut_into_chunks_that_change_nothing(
    extractor_folder: Path, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = load_feature_maker(row("extractor", extractor_folder), "cpu")
    whole = make(views(pictures))["features"]
    monkeypatch.setattr("harness.score.features._CHUNK", 4)
    assert np.allclose(make(views(pictures))["features"], whole, atol=1e-6)


def test_a_picture_is_a_tensor_in_the_nets_order() -> None:
    pixels = np.zeros((2, 3, 3), dtype=np.uint8)
    pixels[0, 1] = (255, 0, 51)
    tensor = as_tensor([Image.fromarray(pixels)])
    assert tensor.shape == (1, 3, 2, 3) and tensor[0, :, 0, 1].tolist() == pytest.approx([1.0, 0.0, 0.2])


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no folder"):
        weights_folder(Place(kind="folder", where=str(tmp_path / "nowhere")))
    with pytest.raises(MissingError, match=r"(?s)laion/nothing-of-the-kind .*`hf download laion/nothing"):
        weights_folder(Place(kind="hub", where="laion/nothing-of-the-kind", revision="0" * 40))


def test_a_score_of_pixels_says_how_the_source_was_brought_to_size(pictures: list[Image.Image]) -> None:
    make = load_feature_maker(WEIGHTS["pixels"], "cpu")
    data = save(make([View(picture, "", image=pictures[0]) for picture in pictures]), metadata=make.made_by)
    names = [f"p{i}" for i in range(6)]
    made_by = scored("ssim", Gathered(data, WEIGHTS["pixels"], "0" * 64, names, names)).score.made_by
    assert "bicubic" in made_by["resize"] and made_by["quantisation"].startswith("8-bit RGB, the source rounded")


@pytest.mark.parametrize("kind", ["open_clip", "extractor"])
def test_a_feature_file_says_whose_weights_they_are(kind: str, scorer_folder: Path, extractor_folder: Path) -> None:
    folder, name = {"open_clip": (scorer_folder, "open_clip_model"), "extractor": (extractor_folder, "model")}[kind]
    known = load_feature_maker(row(kind, folder), "cpu").made_by
    assert known["weights_sha256"] == hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()
    assert known["architecture"] != "tiny" and known["quantisation"].startswith("8-bit RGB")
    assert kind == "open_clip" or known["resize"] == "bilinear, antialiased, to 16×16"


@pytest.mark.parametrize("kind", ["extractor", "judge", "perceptual"])
def test_a_folder_of_another_form_is_told_before_it_is_loaded(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet50"}')
    with pytest.raises(MissingError, match="describes another network") as caught:
        check_folder(kind, tmp_path)
    assert kind != "extractor" or ("inception-v3-compat" in str(caught.value) and "heads" in str(caught.value))
    with pytest.raises(MissingError, match="describes another network"):
        load_feature_maker(row(kind, tmp_path), "cpu")


def test_an_extractor_without_its_weights_or_with_odd_widths(tmp_path: Path, extractor_folder: Path) -> None:
    (tmp_path / "config.json").write_text((extractor_folder / "config.json").read_text())
    with pytest.raises(MissingError, match=r"holds no model\.safetensors"):
        check_folder("extractor", tmp_path)
    (tmp_path / "model.safetensors").write_bytes((extractor_folder / "model.safetensors").read_bytes())
    check_folder("extractor", tmp_path)
    (tmp_path / "config.json").write_text('{"widths": "many", "features": 1, "heads": []}')
    with pytest.raises(MissingError, match="cannot be loaded: ValidationError"):
        load_feature_maker(row("extractor", tmp_path), "cpu")

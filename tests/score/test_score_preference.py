"""Preference models of CLIP's shape, tiny and random, in both formats, against transformers' and open_clip's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from support.tiny_scorers import tiny_clip

from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError
from harness.score.features import View, load_feature_maker
from harness.score.transformers_clip import load_transformers_clip

PROMPTS = ["a red star", "", "a very long prompt " * 8, "a red star", "two blue circles at the left", "x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("weights") / "tiny-clip")


def row(folder: Path, literature: str = "") -> WeightsRow:
    return WeightsRow(name="tiny-preference", kind="preference", place=Place(kind="folder", where=str(folder)),
                      architecture="tiny", embedding_dim=24, resize="CLIP's own", verified=True,
                      literature=literature)  # fmt: skip


def views(pictures: list[Image.Image]) -> list[View]:
    return [View(picture, prompt) for picture, prompt in zip(pictures, PROMPTS, strict=True)]


def test_it_is_transformers_own_logit(folder: Path, pictures: list[Image.Image]) -> None:
    from transformers import CLIPModel

    make, mine = load_feature_maker(row(folder), "cpu"), load_transformers_clip(folder, "cpu")
    model: Any = CLIPModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        theirs = model(input_ids=mine.tokens(PROMPTS), pixel_values=mine.pixels(pictures)).logits_per_image.diag()
    found = make(views(pictures))
    assert found["preference"] == pytest.approx(theirs.numpy(), abs=1e-4) and np.ptp(found["preference"]) > 1
    assert make.made_by["logit_scale"] == f"{np.exp(3.0):.6g}" and "called_preference" not in make.made_by
    assert found["truncated"].tolist() == [False, False, True, False, False, False]
    assert found["n_tokens"][:2].tolist() == [5, 2]


def test_pixels_are_what_transformers_own_processor_makes(folder: Path, pictures: list[Image.Image]) -> None:
    from transformers import CLIPImageProcessor

    mine = load_transformers_clip(folder, "cpu")
    side = {"height": 32, "width": 32}
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=side)
    wide = [picture.resize((96, 64)) for picture in pictures]
    theirs = processor(images=wide, return_tensors="pt")["pixel_values"]
    assert (mine.pixels(wide) - theirs).abs().max() < 0.03  # both bicubic; theirs may round its levels elsewhere


def test_what_is_behind_the_end_token_changes_nothing(folder: Path) -> None:
    """transformers' tokenizers pad CLIP with the end token, this project's with zeros."""
    mine = load_transformers_clip(folder, "cpu")
    ids = mine.tokens(["a red star"])
    ends = ids.clone()
    ends[0, int(ids[0].argmax()) :] = 49407
    assert not torch.equal(ids, ends)
    assert np.array_equal(mine._text_features(ids), mine._text_features(ends))


def test_open_clips_format_is_the_other(scorer_folder: Path, pictures: list[Image.Image]) -> None:
    import open_clip

    make = load_feature_maker(row(scorer_folder, "pick_score"), "cpu")
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{scorer_folder}", precision="fp32")
    tokens = open_clip.get_tokenizer(f"local-dir:{scorer_folder}")(PROMPTS)
    with torch.inference_mode():
        images, texts, scale = model.eval()(torch.stack([preprocess(picture) for picture in pictures]), tokens)[:3]
    assert make(views(pictures))["preference"] == pytest.approx((scale * (images * texts).sum(1)).numpy(), abs=1e-4)
    assert make.made_by["called_preference"] == "pick_score"


def test_what_is_missing_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="holds no CLIP"):
        load_feature_maker(row(tmp_path), "cpu")
    other = shutil.copytree(folder, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingError, match="visual_projection"):
        load_feature_maker(row(other), "cpu")
    (other / "model.safetensors").unlink()
    torch.save({}, other / "pytorch_model.bin")
    with pytest.raises(MissingError, match="pickle files are refused"):
        load_feature_maker(row(other), "cpu")


def test_a_folders_own_code_never_runs(folder: Path, tmp_path: Path) -> None:
    again, mark = shutil.copytree(folder, tmp_path / "theirs"), tmp_path / "mark"
    (again / "theirs.py").write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    config = json.loads((again / "config.json").read_text())
    named = {"auto_map": {"AutoModel": "theirs.Theirs", "AutoConfig": "theirs.Theirs"}, "trust_remote_code": True}
    (again / "config.json").write_text(json.dumps(config | named))
    load_transformers_clip(again, "cpu")
    assert not mark.exists()

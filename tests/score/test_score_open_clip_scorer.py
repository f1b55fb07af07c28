"""The open_clip scorer against open_clip called by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from harness.errors import MissingError
from harness.score.open_clip_scorer import OpenClipScorer, load_by_name, load_from_folder

LONG = "a very long prompt of many more words than the twelve tokens that fit into this small text tower"


@pytest.fixture(scope="module")
def scorer(scorer_folder: Path) -> OpenClipScorer:
    return load_from_folder(scorer_folder, "cpu")


def test_features_are_open_clips_own_of_unit_length(
    scorer: OpenClipScorer, scorer_folder: Path, pictures: list[Image.Image]
) -> None:
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{scorer_folder}")
    model.eval()
    with torch.no_grad():
        images = model.encode_image(torch.stack([preprocess(p) for p in pictures]))
        texts = model.encode_text(open_clip.get_tokenizer(f"local-dir:{scorer_folder}")(["a star", "a circle"]))
    mine = scorer.images(pictures)
    assert mine.dtype == np.float32 and np.linalg.norm(mine, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    assert np.allclose(mine, (images / images.norm(dim=1, keepdim=True)).numpy(), atol=1e-6)
    assert np.allclose(
        scorer.texts(["a star", "a circle"]).features, (texts / texts.norm(dim=1, keepdim=True)).numpy(), atol=1e-6
    )


def test_a_long_prompt_is_cut_before_its_end_token_and_told(scorer: OpenClipScorer) -> None:
    texts = scorer.texts(["a star", LONG, "a star"])
    assert texts.n_tokens.tolist() == [4, 21, 4] and texts.truncated.tolist() == [False, True, False]
    ids = scorer.tokenise([LONG])
    end = scorer.tokenise([""])[0, 1]
    assert ids.shape == (1, 12) and ids[0, -1] == end
    assert np.array_equal(texts.features[0], texts.features[2])
    assert not np.allclose(texts.features[0], texts.features[1], atol=1e-3)


def test_slicing_the_end_token_off_would_change_the_features(scorer: OpenClipScorer) -> None:
    """The planted fault: what torchmetrics does to a long prompt."""
    ids = scorer.tokenise([LONG])
    sliced = ids.clone()
    sliced[0, -1] = 320
    with torch.no_grad():
        right, wrong = (scorer.model.encode_text(i, normalize=True) for i in (ids, sliced))
    assert np.allclose(scorer.texts([LONG]).features, right.numpy(), atol=1e-6)
    assert not torch.allclose(right, wrong, atol=1e-3)


def test_a_transformers_tokenizer_counts_and_cuts_alike(
    scorer_folder: Path, tmp_path: Path, pictures: list[Image.Image]
) -> None:
    """The shipped scorer has one: the same rules must hold."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    folder = shutil.copytree(scorer_folder, tmp_path / "scorer")
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    CLIPTokenizer(vocab=vocabulary, merges=[], pad_token="<|endoftext|>").save_pretrained(folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "scorer"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    scorer = load_from_folder(folder, "cpu")
    texts = scorer.texts(["a star", "stars and circles"])
    assert texts.n_tokens.tolist() == [7, 17] and texts.truncated.tolist() == [False, True]
    assert scorer.tokenise(["stars and circles"])[0, -1] == vocabulary["<|endoftext|>"]


def test_how_pictures_are_brought_to_size_is_told(scorer: OpenClipScorer) -> None:
    told = scorer.preprocess_config
    assert told["interpolation"] == "bicubic" and told["resize_mode"] == "shortest" and told["size"] in (32, (32, 32))


def test_what_is_missing_is_told(scorer_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no open_clip model"):
        load_from_folder(tmp_path, "cpu")
    folder = shutil.copytree(scorer_folder, tmp_path / "scorer")
    weights = folder / "open_clip_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:2000])
    with pytest.raises(MissingError, match="cannot be loaded"):
        load_from_folder(folder, "cpu")
    weights.unlink()
    torch.save({}, folder / "open_clip_pytorch_model.bin")
    with pytest.raises(MissingError, match="no safetensors weights"):
        load_from_folder(folder, "cpu")
    (folder / "model.safetensors").write_bytes(whole)  # open_clip would still prefer the pickle
    with pytest.raises(MissingError, match="no safetensors weights"):
        load_from_folder(folder, "cpu")


def test_a_built_in_name_without_its_weights() -> None:
    with pytest.raises(MissingError, match="RN50/no-such-tag"):
        load_by_name("RN50", "no-such-tag", "cpu")


_CODE = """
from pathlib import Path
Path({mark!r}).touch()
from transformers import CLIPTokenizer
class Theirs(CLIPTokenizer): pass
"""


@pytest.mark.parametrize("kwargs", [{"trust_remote_code": True}, {}, {"clean": ["lower"]}, ["trust_remote_code"]])
def test_a_folders_own_code_never_runs(scorer_folder: Path, tmp_path: Path, kwargs: object) -> None:
    """open_clip hands ``tokenizer_kwargs`` to transformers, which would run the module that ``auto_map`` names."""
    folder, mark = shutil.copytree(scorer_folder, tmp_path / "scorer"), tmp_path / "mark"
    (folder / "theirs.py").write_text(_CODE.format(mark=str(mark)))
    named = {"tokenizer_class": "Theirs", "auto_map": {"AutoTokenizer": ["theirs.Theirs", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    (folder / "config.json").write_text(json.dumps({"model_type": "theirs", **named}))
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] |= {"hf_tokenizer_name": "scorer", "tokenizer_kwargs": kwargs}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(MissingError, match=r"tokenizer_kwargs that are not taken|contains custom code"):
        load_from_folder(folder, "cpu")
    assert not mark.exists()


def test_how_texts_are_cleaned_may_be_asked_for(scorer_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scorer_folder, tmp_path / "scorer")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"clean": "canonicalize"}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    assert load_from_folder(folder, "cpu").count_tokens("a star!!") == 4

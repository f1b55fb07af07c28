"""ImageReward from a small random file in its published form; its own mathematics written down once more beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.tiny_scorers import REWARD_SIZE, WORDS, tiny_reward
from torch.nn.functional import gelu, layer_norm, linear

from harness.catalog.types import Place, WeightsRow
from harness.errors import MissingError, UsageError
from harness.score.convert import convert, main
from harness.score.features import View, load_feature_maker
from harness.score.image_reward import MEAN, SPREAD, ImageReward, vocabulary_of

PROMPTS = ["a red star", "", "long prompt " * 20, "a red star", "Two blue CIRCLES at the left", "x"]
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_reward(tmp_path_factory.mktemp("published") / "reward")


@pytest.fixture(scope="module")
def folder(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights") / "image-reward"
    main(["image-reward", str(published), str(made), "--vocabulary", str(published.parent / "vocab.txt")])
    return made


def row(folder: Path) -> WeightsRow:
    return WeightsRow(name="tiny-reward", kind="preference", place=Place(kind="folder", where=str(folder)),
                      architecture="tiny", embedding_dim=64, resize="CLIP's own", verified=True)  # fmt: skip


def views(pictures: list[Image.Image]) -> list[View]:
    return [View(picture, prompt) for picture, prompt in zip(pictures, PROMPTS, strict=True)]


def test_it_is_the_mathematics_of_the_published_network(
    published: Path, folder: Path, pictures: list[Image.Image]
) -> None:
    make, state = load_feature_maker(row(folder), "cpu"), torch.load(published, weights_only=True)
    assert isinstance(make, ImageReward)
    pixels = make.pixels(pictures)
    wanted = [_by_hand(state, pixels[i], _ids(prompt)) for i, prompt in enumerate(PROMPTS)]
    found = make(views(pictures))
    assert found["preference"] == pytest.approx(wanted, abs=1e-4) and np.ptp(found["preference"]) > 0.05
    assert found["n_tokens"].tolist() == [5, 2, 42, 5, 8, 3]
    assert found["truncated"].tolist() == [False, False, True, False, False, False]
    assert "called_preference" not in make.made_by and len(make.made_by["vocabulary_sha256"]) == 64


def test_the_prompt_and_the_picture_both_count(folder: Path, pictures: list[Image.Image]) -> None:
    make = load_feature_maker(row(folder), "cpu")
    one = pictures[0]
    asked = [View(one, "a red star"), View(one, "two blue circles"), View(pictures[4], "a red star")]
    apart = make(asked)["preference"]
    alone = make([View(pictures[4], "a red star")])["preference"]
    assert len({round(float(value), 4) for value in apart}) == 3 and alone[0] == pytest.approx(apart[2], abs=1e-5)


LINES = {
    "half a vocabulary": (WORDS[3:], "[PAD]"),
    "too many words": ((*WORDS, *map(str, range(9))), "26 words"),
    "a word too many": ((*WORDS, "y"), "18 words"),
    "a vocabulary cut short": (WORDS[:-1], "16 words"),
    "a word twice": ((*WORDS[:-1], "a"), "'a' twice"),
    "a line with no word": ((*WORDS[:-1], "", "x"), "line 17"),
    "no vocabulary": (WORDS, "--vocabulary"),
    "another network": (WORDS, "other weights"),
}


@pytest.mark.parametrize("fault", LINES)
def test_what_will_not_do_is_told_and_nothing_is_written(fault: str, published: Path, tmp_path: Path) -> None:
    file, words = published, tmp_path / "vocab.txt"
    words.write_text("\n".join(LINES[fault][0]))
    if fault == "another network":
        file = tmp_path / "other.pt"
        torch.save({"blip.visual_encoder.cls_token": torch.rand(1, 1, 8)}, file)
    given = None if fault == "no vocabulary" else words
    with pytest.raises(UsageError if fault == "no vocabulary" else MissingError) as caught:
        convert("image-reward", file, tmp_path / "made", vocabulary=given)
    assert LINES[fault][1] in f"{caught.value} {caught.value.expected}"
    assert not (tmp_path / "made").exists()


def test_a_folder_without_its_words_is_told_before_it_is_loaded(folder: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / "vocab.txt").unlink()
    with pytest.raises(MissingError, match=r"holds no vocab\.txt"):
        load_feature_maker(row(bare), "cpu")


def test_a_word_may_hold_what_ends_a_line_elsewhere(tmp_path: Path) -> None:
    words = (*WORDS[:-1], "x\u2028\x85y")
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    assert list(vocabulary_of(tmp_path / "vocab.txt", len(WORDS) + 2)) == list(words)


def test_other_words_than_were_written_are_told(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "vocab.txt").write_text("\n".join((*WORDS[:4], *reversed(WORDS[4:]))) + "\n")
    with pytest.raises(MissingError, match=r"vocab\.txt is not the file .*SHA-256"):
        load_feature_maker(row(other), "cpu")


ODD = [
    ("vision", "attn_implementation", "evil/kernel", "no such key"),
    ("text", "_attn_implementation", "evil/kernel", "no such key"),
    ("text", "dtype", "odd", "no such key"),
    ("vision", "num_hidden_layers", 10**9, "from 1 to"),
    ("text", "num_hidden_layers", 2.0, "from 1 to"),
    ("vision", "num_attention_heads", 0, "from 1 to"),
    ("vision", "num_attention_heads", 3, "divides"),
    ("vision", "patch_size", 7, "divides"),
    ("vision", "layer_norm_eps", 1, "up to"),
    ("vision", "layer_norm_eps", float("nan"), "up to"),
    ("text", "encoder_hidden_size", 64, "128"),
    ("text", "is_decoder", False, "true"),
    ("text", "sep_token_id", "x", "null"),
    ("text", "max_position_embeddings", 8, "from 35 to"),
    ("text", "vocab_size", ..., "it lacks"),
    ("text", None, [], "no object"),
    ("vision", None, ..., "no object"),
]


@pytest.mark.parametrize(("part", "key", "value", "told"), ODD, ids=str)
def test_a_configuration_of_anything_else_is_told_by_its_key(
    folder: Path, tmp_path: Path, part: str, key: str | None, value: object, told: str
) -> None:
    odd = shutil.copytree(folder, tmp_path / "odd")
    config = json.loads((odd / "config.json").read_text())
    place, name = (config, part) if key is None else (config[part], key)
    if value is ...:
        del place[name]
    else:
        place[name] = value
    (odd / "config.json").write_text(json.dumps(config))
    with pytest.raises(MissingError, match=rf"`{part if key is None else f'{part}.{key}'}`.*{told}"):
        load_feature_maker(row(odd), "cpu")


def test_the_folder_says_what_it_is(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    vision, text = config["vision"], config["text"]
    assert config["architecture"] == "image-reward" and vision["image_size"] == 32 and vision["layer_norm_eps"] == 1e-6
    assert (vision["num_hidden_layers"], text["num_hidden_layers"], text["max_position_embeddings"]) == (2, 2, 48)
    assert config["vocabulary_sha256"] == hashlib.sha256((folder / "vocab.txt").read_bytes()).hexdigest()
    assert text["vocab_size"] == REWARD_SIZE["text"]["vocab_size"]


def _ids(prompt: str) -> list[int]:
    """The words of these prompts one by one, cut so that the end stays."""
    known = {word: i for i, word in enumerate(WORDS)}
    return [known["[CLS]"], *[known[word] for word in prompt.lower().split()][:33], known["[SEP]"]]


def _by_hand(state: State, pixels: torch.Tensor, ids: list[int]) -> float:
    seen = _see(state, pixels)
    v = "blip.text_encoder."
    places = state[f"{v}embeddings.position_embeddings.weight"][: len(ids)]
    words = state[f"{v}embeddings.word_embeddings.weight"][ids]
    hidden = _norm(state, f"{v}embeddings.LayerNorm", words + places, 1e-12)
    for i in range(2):
        layer = f"{v}encoder.layer.{i}."
        for kind, other in (("attention", None), ("crossattention", seen)):
            at = hidden if other is None else other
            q, k, x = (_lin(state, f"{layer}{kind}.self.{name}", of)
                       for name, of in (("query", hidden), ("key", at), ("value", at)))  # fmt: skip
            mixed = _attend(q, k, x, heads=1)
            hidden = _norm(state, f"{layer}{kind}.output.LayerNorm",
                           _lin(state, f"{layer}{kind}.output.dense", mixed) + hidden, 1e-12)  # fmt: skip
        wide = gelu(_lin(state, f"{layer}intermediate.dense", hidden))
        hidden = _norm(state, f"{layer}output.LayerNorm", _lin(state, f"{layer}output.dense", wide) + hidden, 1e-12)
    reward = hidden[0]
    for place in (0, 2, 4, 6, 7):
        reward = _lin(state, f"mlp.layers.{place}", reward)
    return float((reward - MEAN) / SPREAD)


def _see(state: State, pixels: torch.Tensor) -> torch.Tensor:
    v = "blip.visual_encoder."
    patches = torch.nn.functional.conv2d(pixels[None], state[f"{v}patch_embed.proj.weight"],
                                         state[f"{v}patch_embed.proj.bias"], stride=16)[0].flatten(1).T  # fmt: skip
    x = torch.cat([state[f"{v}cls_token"][0], patches]) + state[f"{v}pos_embed"][0]
    for i in range(2):
        block = f"{v}blocks.{i}."
        q, k, value = _lin(state, f"{block}attn.qkv", _norm(state, f"{block}norm1", x, 1e-6)).chunk(3, dim=-1)
        x = x + _lin(state, f"{block}attn.proj", _attend(q, k, value, heads=2))
        wide = gelu(_lin(state, f"{block}mlp.fc1", _norm(state, f"{block}norm2", x, 1e-6)))
        x = x + _lin(state, f"{block}mlp.fc2", wide)
    return _norm(state, f"{v}norm", x, 1e-6)


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
    q, k, v = (one.reshape(len(one), heads, -1).transpose(0, 1) for one in (q, k, v))
    shares = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
    return (shares @ v).transpose(0, 1).flatten(1)


def _lin(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    return linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _norm(state: State, name: str, x: torch.Tensor, eps: float) -> torch.Tensor:
    return layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)

"""ImageReward: how people would rate a picture for its prompt, by a BLIP whose text encoder looks at the picture.

J. Xu et al., "ImageReward: Learning and Evaluating Human Preferences for Text-to-Image Generation", NeurIPS 2023. The
first token's state is read by five linear layers, and the number is standardised as the authors do. The two encoders
are transformers' own; `python -m harness.score.convert image-reward` makes the folder of the published file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from transformers import BertTokenizer
from transformers.models.blip.configuration_blip import BlipTextConfig, BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextModel

from harness.catalog.types import WeightsRow
from harness.errors import MissingError
from harness.score.folder_forms import CONFIG, VOCABULARY, weights_sha256
from harness.score.image_reward_config import LENGTH, parts_of
from harness.score.network_folder import config_of, load_network, source_of
from harness.score.view import Arrays, View, made_by

#: What makes rewards standard: the authors'
MEAN, SPREAD = 0.16717362830052426, 1.0333394966054072
_HEAD = (1024, 128, 64, 16, 1)
_ADDED = 2  # rows of the network that no word of BERT's has: BLIP's own [DEC] and [ENC]
_NEEDED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WHAT = "ImageReward"
_CHUNK = 16


class RewardNet(torch.nn.Module):
    """Pixels (n, 3, side, side) and tokens (n, length) → (n,): the standardised reward.

    ``config``: ``vision`` and ``text``, what transformers' BLIP is built of.

    Raises:
        ValueError: the configuration asks for more than the published network's sizes.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        vision, text = parts_of(config)
        self.vision = BlipVisionModel(BlipVisionConfig(**vision))
        self.text = BlipTextModel(BlipTextConfig(**text), add_pooling_layer=False)
        self.text.embeddings.register_buffer("position_ids", None)  # of no file: places are given with each call
        widths = (text["hidden_size"], *_HEAD)
        self.head = torch.nn.Sequential(
            *(torch.nn.Linear(before, after) for before, after in zip(widths, _HEAD, strict=False))
        )

    def forward(self, pixels: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """``mask``: (n, length), 1 where a token is no padding."""
        seen = self.vision(pixel_values=pixels).last_hidden_state
        places = torch.arange(tokens.shape[1], device=tokens.device)[None]
        states = self.text(
            input_ids=tokens, attention_mask=mask, position_ids=places, encoder_hidden_states=seen
        ).last_hidden_state
        rewards: torch.Tensor = self.head(states[:, 0].float())[:, 0]
        return (rewards - MEAN) / SPREAD


class ImageReward:
    """``preference`` (n,), ``n_tokens`` and ``truncated`` (n,) of the prompts."""

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        config = config_of(folder, _WHAT)
        self._net = load_network(folder, _WHAT, lambda: RewardNet(config)).to(device)
        self._device = device
        digest = _vocabulary_sha256(folder, config)
        words = vocabulary_of(folder / VOCABULARY, config["text"]["vocab_size"])
        self._tokenizer = BertTokenizer(vocab=words, do_lower_case=True)
        told = PreprocessCfg(size=int(config["vision"]["image_size"]))  # CLIP's: shortest side, bicubic, centre crop
        self._preprocess = image_transform_v2(told, is_train=False)
        self.made_by = made_by(
            row, str(vars(told)), "torch", "transformers", "tokenizers", "open-clip-torch", "pillow",
            quantisation="8-bit RGB after the resize", architecture=f"ImageReward: {_size(config)}",
        )  # fmt: skip
        self.made_by |= {"weights_sha256": weights_sha256(folder), "vocabulary_sha256": digest}
        self.made_by["source_sha256"] = source_of(config)

    def __call__(self, views: Sequence[View]) -> Arrays:
        """One reward a view."""
        chunks = [views[i : i + _CHUNK] for i in range(0, len(views), _CHUNK)]
        lengths = [len(ids) for ids in self._tokenizer([view.prompt for view in views])["input_ids"]]
        n_tokens = np.array(lengths, dtype=np.int64)
        rewards = np.concatenate([self._rewards(chunk) for chunk in chunks])
        return {"preference": rewards, "n_tokens": n_tokens, "truncated": n_tokens > LENGTH}

    def pixels(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """(n, 3, side, side) as the network takes them."""
        return torch.stack([self._preprocess(picture.convert("RGB")) for picture in pictures])

    @torch.inference_mode()
    def _rewards(self, views: Sequence[View]) -> NDArray[np.float32]:
        words = self._tokenizer(
            [view.prompt for view in views],
            padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt",
        ).to(self._device)  # fmt: skip
        pixels = self.pixels([view.picture for view in views]).to(self._device)
        rewards: torch.Tensor = self._net(pixels, words["input_ids"], words["attention_mask"])
        return rewards.float().cpu().numpy()


def vocabulary_of(file: Path, rows: int) -> dict[str, int]:
    """BERT's words with their numbers, of a ``vocab.txt``: a word a line.

    Raises:
        MissingError: it cannot be read, lacks a token that BERT needs, holds a word twice, or has other than two words
            fewer than the network has rows.
    """
    try:
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")  # a word may hold other line ends
    except (OSError, ValueError) as error:
        raise _no_vocabulary(file, f"it cannot be read: {error}") from error
    words: dict[str, int] = {}
    for i, word in enumerate(lines):
        if not word or word in words:
            raise _no_vocabulary(file, f"it has {word!r} twice" if word else f"its line {i + 1} holds no word")
        words[word] = i
    lacking = [token for token in _NEEDED if token not in words]
    if lacking:
        raise _no_vocabulary(file, f"it lacks {', '.join(lacking)}")
    if len(words) + _ADDED != rows:
        raise _no_vocabulary(file, f"it has {len(words):,} words, and the network was made for {rows - _ADDED:,}")
    return words


def _vocabulary_sha256(folder: Path, config: Mapping[str, Any]) -> str:
    """SHA-256 of a folder's vocabulary.

    Raises:
        MissingError: it is another than ``config.json`` says by its ``vocabulary_sha256``.
    """
    found, said = hashlib.sha256((folder / VOCABULARY).read_bytes()).hexdigest(), config.get("vocabulary_sha256")
    if said is not None and said != found:
        raise MissingError(
            f"{folder / VOCABULARY} is not the file that was written beside its {CONFIG}: its SHA-256 is another.",
            do="convert the published weights again: `python -m harness.score.convert --help` says how",
        )
    return found


def _no_vocabulary(file: Path, why: str) -> MissingError:
    return MissingError(
        f"{file} is no vocabulary of this network: {why}.", expected="the vocab.txt of bert-base-uncased, a word a line"
    )


def _size(config: Mapping[str, Any]) -> str:
    vision, text = config["vision"], config["text"]
    return (
        f"BLIP of {vision['num_hidden_layers']} layers of {vision['hidden_size']} over patches of "
        f"{vision['patch_size']}, {text['num_hidden_layers']} layers of {text['hidden_size']} over words"
    )

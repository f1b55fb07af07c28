"""Features of pictures and prompts by an open_clip model: from a folder, a hub's repository, or a built-in name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors import SafetensorError

from harness.errors import MissingError
from harness.hub import is_hub_error
from harness.score.folder_forms import check_open_clip, text_config

_CHUNK = 64
ROUNDED = "8-bit RGB, rounded again after the resize"  # open_clip resizes PIL's pictures


@dataclass(frozen=True)
class Texts:
    """Features (n, d) of unit length, and how many tokens each text has: uncut, and whether it was cut."""

    features: NDArray[np.float32]
    n_tokens: NDArray[np.int64]
    truncated: NDArray[np.bool_]


class OpenClipScorer:
    """A model with its own tokenizer and its own way of bringing a picture to its size."""

    def __init__(self, model: Any, tokenizer: Any, device: torch.device) -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        self.device, self._tokenizer = device, tokenizer
        self.preprocess_config: dict[str, Any] = dict(model.visual.preprocess_cfg)
        self._preprocess = image_transform_v2(PreprocessCfg(**self.preprocess_config), is_train=False)

    @torch.inference_mode()
    def images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Features (n, d) of unit length, single precision."""
        chunks = [pictures[i : i + _CHUNK] for i in range(0, len(pictures), _CHUNK)]
        rows = [self._images(torch.stack([self._preprocess(p) for p in chunk])) for chunk in chunks]
        return np.concatenate(rows)

    def _images(self, batch: torch.Tensor) -> NDArray[np.float32]:
        features: torch.Tensor = self.model.encode_image(batch.to(self.device), normalize=True)
        return features.float().cpu().numpy()

    @torch.inference_mode()
    def texts(self, prompts: Sequence[str]) -> Texts:
        """Features (n, d) of unit length; a prompt that is too long is cut before its end token, never with it."""
        distinct = list(dict.fromkeys(prompts))  # a prompt has many seeds: encode it once
        lengths = {text: self.count_tokens(text) for text in distinct}
        features: dict[str, NDArray[np.float32]] = {}
        for i in range(0, len(distinct), _CHUNK):
            chunk = distinct[i : i + _CHUNK]
            encoded = self.model.encode_text(self.tokenise(chunk).to(self.device), normalize=True)
            features |= dict(zip(chunk, encoded.float().cpu().numpy(), strict=True))
        n_tokens = np.array([lengths[text] for text in prompts], dtype=np.int64)
        return Texts(np.stack([features[text] for text in prompts]), n_tokens, n_tokens > self.context_length)

    @property
    def logit_scale(self) -> float:
        """What a model's cosines are multiplied by, as it was trained."""
        return float(self.model.logit_scale.exp())

    @property
    def context_length(self) -> int:
        """How many tokens a text may have, start and end included."""
        return int(self._tokenizer.context_length)

    def tokenise(self, texts: Sequence[str]) -> torch.Tensor:
        """Token ids (n, context_length), cut so that the end token stays: open_clip's tokenizers do so."""
        ids: torch.Tensor = self._tokenizer(list(texts))
        return ids

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, start and end included."""
        inner = getattr(self._tokenizer, "tokenizer", None)  # open_clip's wrapper around a transformers tokenizer
        if inner is not None:
            return len(inner(self._tokenizer.clean_fn(text)).input_ids)
        return len(self._tokenizer.encode(text)) + 2


def load_from_folder(folder: Path, device: str) -> OpenClipScorer:
    """The model of a folder with ``open_clip_config.json``, safetensors weights and its tokenizer's files.

    Raises:
        MissingError: something of it is missing, the weights are there as pickle files only, or its tokenizer wants
            code that stands in the folder.
    """
    check_open_clip(folder)
    name = f"local-dir:{folder}"
    try:
        model = open_clip.create_model(name, precision="fp32", device="cpu", require_pretrained=True)
        tokenizer = open_clip.get_tokenizer(name, **_never_code(folder))
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise MissingError(
            f"The scorer in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            expected="open_clip_config.json, its safetensors weights and its tokenizer",
            do="download the scorer again",
        ) from error
    return OpenClipScorer(model, tokenizer, torch.device(device))


def load_by_name(architecture: str, pretrained: str, device: str) -> OpenClipScorer:
    """A model of open_clip's own list; ``pretrained`` is a tag of it, or a file of weights.

    Raises:
        MissingError: the name is unknown, or the weights are not here and cannot be downloaded.
    """
    try:
        model = open_clip.create_model(architecture, pretrained, precision="fp32", require_pretrained=True)
    except Exception as error:
        if not (isinstance(error, RuntimeError) or is_hub_error(error)):
            raise
        raise MissingError(
            f"The scorer {architecture}/{pretrained} cannot be loaded: {str(error).strip()[:300]}",
            expected="a pair of `open_clip.list_pretrained()`, in the Hugging Face cache or within reach",
            do="download it on a machine with a network, and bring its HF_HOME here",
        ) from error
    return OpenClipScorer(model, open_clip.get_tokenizer(architecture), torch.device(device))


def _never_code(folder: Path) -> dict[str, bool]:
    """For transformers' tokenizers, which would ask at the terminal; open_clip's own know no such word."""
    return {"trust_remote_code": False} if text_config(folder).get("hf_tokenizer_name") else {}

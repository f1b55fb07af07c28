"""A CLIP in transformers' format, its features as transformers' own model gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors import SafetensorError

from harness.errors import MissingError
from harness.score.open_clip_scorer import Texts

_CHUNK = 32
_WORDS = 49408  # of CLIP's own vocabulary, which its tokenizer brings along


class TransformersClip:
    """A ``CLIPModel`` with CLIP's own tokenizer and preprocessing: shortest side, bicubic, centre crop."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model.to(device), device
        self._length = int(model.config.text_config.max_position_embeddings)
        self._tokenizer = SimpleTokenizer(context_length=self._length)
        self.preprocess_config: dict[str, Any] = vars(PreprocessCfg(size=model.config.vision_config.image_size))
        self._preprocess = image_transform_v2(PreprocessCfg(**self.preprocess_config), is_train=False)

    @property
    def logit_scale(self) -> float:
        """What its cosines are multiplied by."""
        return float(self._model.logit_scale.exp())

    def pixels(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """(n, 3, side, side) as the model takes them."""
        return torch.stack([self._preprocess(picture.convert("RGB")) for picture in pictures])

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, length), cut so that the end token stays; what is behind it changes no feature."""
        ids: torch.Tensor = self._tokenizer(list(texts))
        return ids

    @torch.inference_mode()
    def images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Features (n, d) of unit length."""
        chunks = [pictures[i : i + _CHUNK] for i in range(0, len(pictures), _CHUNK)]
        return np.concatenate([self._image_features(self.pixels(chunk)) for chunk in chunks])

    def _image_features(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        pooled = self._model.vision_model(pixel_values=pixels.to(self._device)).pooler_output
        return _unit(self._model.visual_projection(pooled))

    @torch.inference_mode()
    def texts(self, prompts: Sequence[str]) -> Texts:
        """Features (n, d) of unit length, each distinct prompt encoded once, and how long the texts are."""
        distinct = list(dict.fromkeys(prompts))
        chunks = [distinct[i : i + _CHUNK] for i in range(0, len(distinct), _CHUNK)]
        features = np.concatenate([self._text_features(self.tokens(chunk)) for chunk in chunks])
        where = [distinct.index(prompt) for prompt in prompts]
        lengths = np.array([len(self._tokenizer.encode(prompt)) + 2 for prompt in prompts], dtype=np.int64)
        return Texts(features[where], lengths, lengths > self._length)

    def _text_features(self, ids: torch.Tensor) -> NDArray[np.float32]:
        pooled = self._model.text_model(input_ids=ids.to(self._device)).pooler_output
        return _unit(self._model.text_projection(pooled))


def _unit(features: torch.Tensor) -> NDArray[np.float32]:
    return torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy()


def load_transformers_clip(folder: Path, device: str) -> TransformersClip:
    """The model of a folder with ``config.json`` and ``model.safetensors``, in single precision.

    Raises:
        MissingError: it is no CLIP with CLIP's own vocabulary, it is not whole, or its weights are pickled.
    """
    from transformers import CLIPModel

    try:
        model, found = CLIPModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        _refuse_if_other(model, found)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise MissingError(
            f"The CLIP in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            expected="config.json of a CLIPModel and model.safetensors; pickle files are refused",
            do="check the place, or convert the weights once, by hand",
        ) from error
    return TransformersClip(model.eval().requires_grad_(False), device)


def _refuse_if_other(model: Any, found: dict[str, Any]) -> None:
    """Weights that a file lacks would be drawn at random, and another vocabulary's words would be taken for CLIP's."""
    if found["missing_keys"] or found["mismatched_keys"]:
        lacking = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
        raise ValueError(f"{len(lacking)} of its weights are not there, such as {lacking[0]}")
    words = int(model.config.text_config.vocab_size)
    if words != _WORDS:
        raise ValueError(f"a vocabulary of {words:,} words, where CLIP's has {_WORDS:,}")

"""Features of pictures, prompts and whatever else a task brings, by an open_clip model's two towers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from harness.catalog.types import WeightsRow
from harness.score.folder_forms import architecture_of, weights_sha256
from harness.score.open_clip_scorer import ROUNDED, load_from_folder
from harness.score.pixels import repainted
from harness.score.view import Arrays, View, made_by

Features = NDArray[np.float32]
Thing = TypeVar("Thing")
BLUR = 0.25  # standard deviation, of the picture's shorter side


class OpenClip:
    """Arrays of unit vectors (n, d); a line of what a view lacks is not a number.

    ``image_features`` and ``text_features``, ``n_tokens`` and ``truncated`` (n,) of the prompts; where any view has
    them ``source_features`` of what pictures started from and ``caption_features`` of what that shows,
    ``inside_features`` of what is inside the masks, and ``mix_features`` (n, things, d), padded with zeros, with
    ``mix_count`` (n,).
    """

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        self._scorer = load_from_folder(folder, device)
        self.made_by = made_by(
            row, str(self._scorer.preprocess_config), "torch", "open-clip-torch", quantisation=ROUNDED,
            architecture=architecture_of(folder),
        )  # fmt: skip
        self.made_by["weights_sha256"] = weights_sha256(folder)

    def __call__(self, views: Sequence[View]) -> Arrays:
        """The arrays for these views."""
        texts = self._scorer.texts([view.prompt for view in views])
        arrays: Arrays = {
            "image_features": self._scorer.images([view.picture for view in views]),
            "text_features": texts.features,
            "n_tokens": texts.n_tokens,
            "truncated": texts.truncated,
        }
        dimension = arrays["image_features"].shape[1]
        if any(view.image is not None for view in views):
            arrays["source_features"] = self._pictures([view.image for view in views], dimension)
        if any(view.caption is not None for view in views):
            arrays["caption_features"] = self._captions([view.caption for view in views], dimension)
        if any(view.mask is not None for view in views):
            arrays["inside_features"] = self._pictures([_inside(view) for view in views], dimension)
        return arrays | (self._mixes(views, dimension) if any(view.mix for view in views) else {})

    def _pictures(self, pictures: Sequence[Image.Image | None], dimension: int) -> Features:
        """(n, d), each distinct picture encoded once; not a number where there is none."""
        encoded = _once([picture for picture in pictures if picture is not None], _content, self._scorer.images)
        return _placed(encoded, [picture is not None for picture in pictures], dimension)

    def _captions(self, captions: Sequence[str | None], dimension: int) -> Features:
        """Likewise of texts."""
        encoded = _once([caption for caption in captions if caption is not None], str, self._texts)
        return _placed(encoded, [caption is not None for caption in captions], dimension)

    def _mixes(self, views: Sequence[View], dimension: int) -> Arrays:
        """Texts through the text tower, pictures through the other."""
        count = np.array([len(view.mix) for view in views], dtype=np.int64)
        things = [thing for view in views for thing in view.mix]
        texts = iter(_once([thing for thing in things if isinstance(thing, str)], str, self._texts))
        pictures = iter(_once([thing for thing in things if not isinstance(thing, str)], _content, self._scorer.images))
        padded = np.zeros((len(views), int(count.max()), dimension), dtype=np.float32)
        padded[np.arange(padded.shape[1])[None] < count[:, None]] = [
            next(texts) if isinstance(thing, str) else next(pictures) for thing in things
        ]
        return {"mix_features": padded, "mix_count": count}

    def _texts(self, texts: Sequence[str]) -> Features:
        return self._scorer.texts(texts).features


def _placed(features: Sequence[Features], there: Sequence[bool], dimension: int) -> Features:
    """(n, d), the features in order where something is there; not a number elsewhere."""
    placed = np.full((len(there), dimension), np.nan, dtype=np.float32)
    placed[list(there)] = np.reshape(features, (len(features), dimension))
    return placed


def _once(
    things: Sequence[Thing], key: Callable[[Thing], Hashable], encode: Callable[[list[Thing]], Features]
) -> list[Features]:
    """Each thing's features (d,), the distinct ones encoded once."""
    keys = [key(thing) for thing in things]
    distinct = dict(zip(keys, things, strict=True))
    features = dict(zip(distinct, encode(list(distinct.values())), strict=True)) if distinct else {}
    return [features[one] for one in keys]


def _content(picture: Image.Image) -> Hashable:
    return picture.mode, picture.size, hashlib.sha256(picture.tobytes()).digest()


def _inside(view: View) -> Image.Image | None:
    """The picture with all that is outside the mask blurred away; ``None`` if nothing was to be repainted.

    A crop would take from the prompt what it says of place and size, and from CLIP the kind of picture that it knows:
    on the world it cannot tell a mask with the prompt's object from an empty one, this does.

    Source: the blurred reverse mask of L. Yang et al., Fine-grained visual prompting, NeurIPS 2023.
    """
    mask = None if view.mask is None else repainted(view.mask, view.picture.size)
    if mask is None or not mask.any():
        return None
    seen = view.picture.filter(ImageFilter.GaussianBlur(BLUR * min(view.picture.size)))
    seen.paste(view.picture, mask=Image.fromarray(mask))
    return seen

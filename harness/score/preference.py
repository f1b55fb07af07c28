"""Human preference by a CLIP that was tuned on people's choices: logit scale × cosine of a picture and its prompt.

PickScore (Y. Kirstain et al., Pick-a-Pic, NeurIPS 2023) and HPSv2 (X. Wu et al., 2023) are of this shape. A folder is
in transformers' form (``config.json`` of a CLIPModel) or in open_clip's (``open_clip_config.json``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.catalog.types import WeightsRow
from harness.errors import MissingError
from harness.score.clip_score import cosines
from harness.score.folder_forms import architecture_of
from harness.score.open_clip_scorer import ROUNDED, Texts, load_from_folder
from harness.score.transformers_clip import load_transformers_clip
from harness.score.view import Arrays, View, called_as, made_by

METRIC = "preference"


class TwoTowers(Protocol):
    """A CLIP, whatever its format."""

    preprocess_config: dict[str, Any]

    @property
    def logit_scale(self) -> float:
        """What its cosines are multiplied by."""
        ...

    def images(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Features (n, d) of unit length."""
        ...

    def texts(self, prompts: Sequence[str]) -> Texts:
        """Likewise, and how long the texts are."""
        ...


def load_towers(folder: Path, device: str) -> TwoTowers:
    """The CLIP of a folder, in either format.

    Raises:
        MissingError: there is none, it is not whole, or its weights are pickled.
    """
    for file, load in _FORMATS.items():
        if (folder / file).is_file():
            return load(folder, device)
    raise MissingError(f"{folder} holds no CLIP.", expected=f"{' or '.join(_FORMATS)}, with safetensors weights")


_FORMATS: dict[str, Callable[[Path, str], TwoTowers]] = {
    "open_clip_config.json": load_from_folder,
    "config.json": load_transformers_clip,
}


class Preference:
    """``preference`` (n,), ``n_tokens`` and ``truncated`` (n,) of the prompts."""

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        self._towers = load_towers(folder, device)
        self.made_by = made_by(
            row, str(self._towers.preprocess_config), "torch", "open-clip-torch", "transformers", "pillow",
            quantisation=ROUNDED, architecture=architecture_of(folder),
        )  # fmt: skip
        self.made_by["logit_scale"] = f"{self._towers.logit_scale:.6g}"
        if row.literature:
            self.made_by[called_as(METRIC)] = row.literature

    def __call__(self, views: Sequence[View]) -> Arrays:
        """One score a view."""
        texts = self._towers.texts([view.prompt for view in views])
        cosine = cosines(self._towers.images([view.picture for view in views]), texts.features)
        return {METRIC: self._towers.logit_scale * cosine, "n_tokens": texts.n_tokens, "truncated": texts.truncated}

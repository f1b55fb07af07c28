"""What rows bring beside their prompts: pictures, masks and hints, and how they are handed to the pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Inputs:
    """``pictures`` by the key of their asset, ``hints`` by the row's id: read from a file, or estimated."""

    pictures: Mapping[str, Image.Image] = field(default_factory=dict)
    hints: Mapping[str, Image.Image] = field(default_factory=dict)


NO_INPUTS = Inputs()


def resized(picture: Image.Image, height: int, width: int) -> Image.Image:
    """A picture at the cell's size, as the guide's plain ``resize`` makes it (bicubic)."""
    return picture if picture.size == (width, height) else picture.resize((width, height))


def mask_array(mask: Image.Image, height: int, width: int) -> NDArray[np.float32]:
    """A mask as the guide hands it over: (height, width), 0 is kept and 1 repainted.

    It is made anew for every call: the pipelines round it in place. Another size is brought to the cell's as they do
    it with a mask that is a picture.
    """
    grey = mask.convert("L")
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(grey).astype(np.float32) / 255.0


def hint_tensor(hint: Image.Image, height: int, width: int) -> torch.Tensor:
    """A hint as the guide's ``make_hint`` gives it: (1, 3, height, width), 0 to 1; one channel is taken three times."""
    values = np.array(resized(hint, height, width))
    if values.ndim == 2:
        values = np.concatenate([values[:, :, None]] * 3, axis=2)
    return (torch.from_numpy(values).float() / 255.0).permute(2, 0, 1)[None]

"""Two metrics for the Kandinsky harness. A metric is an object with a ``row`` that can be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TASKS = ["text-to-image", "image-to-image", "inpainting"]


class Brightness:
    """Of pictures: called by a worker with the views of a cell (``harness.score.view.View``), one number for each."""

    row = {
        "name": "brightness", "tasks": TASKS, "direction": "higher", "unit": "levels", "least_n": 1,
        "source": "mean of all pixels and colours, of 255 levels", "notes": "an example",
    }  # fmt: skip

    def __call__(self, views: Sequence[Any]) -> list[float]:
        return [float(np.asarray(view.picture.convert("RGB")).mean()) for view in views]


class Sameness:
    """Of features: called with the arrays that the harness keeps of open_clip, one number for all pictures."""

    row = {
        "name": "sameness", "tasks": TASKS, "direction": "lower", "unit": "cosine", "least_n": 2,
        "source": "mean cosine of two pictures' features", "per_image": False, "uses": "open_clip",
    }  # fmt: skip

    def __call__(self, arrays: Mapping[str, Any]) -> float:
        features = np.asarray(arrays["image_features"], dtype=np.float64)
        n = len(features)
        return float(((features @ features.T).sum() - n) / (n * (n - 1)))


brightness = Brightness()
sameness = Sameness()

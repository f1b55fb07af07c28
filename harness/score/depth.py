"""Depth, estimated as the guide makes its hints: by transformers' pipeline, from a local folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError

from harness.catalog.types import WeightsRow
from harness.errors import MissingError
from harness.score.depth_agreement import Map, agreement, relative_error
from harness.score.view import Arrays, View, made_by

Estimator = Callable[[Image.Image], Image.Image]


def load_depth_estimator(folder: Path, device: str) -> Estimator:
    """An estimator's folder → a function from a picture to its depth map ("L", of the picture's size, bright is near).

    The map is what ``pipeline("depth-estimation")(picture)["depth"]`` gives, as in the guide's ``make_hint``: stretched
    to 0..255. One that is flat is black. In single precision.

    Raises:
        MissingError: something of it is missing, or the weights are there as pickle files only.
    """
    estimate = _pipeline(folder, device)

    def depth(picture: Image.Image) -> Image.Image:
        with np.errstate(invalid="ignore"):  # the pipeline stretches a flat map by 0 / 0
            found: Image.Image = estimate(picture.convert("RGB"))["depth"]
        return found

    return depth


def _pipeline(folder: Path, device: str) -> Any:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation, pipeline

    try:
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = AutoModelForDepthEstimation.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise MissingError(
            f"The depth estimator in {folder} cannot be loaded: {type(error).__name__}: {str(error).strip()[:300]}",
            expected="config.json, preprocessor_config.json and safetensors weights, as transformers' "
            "`save_pretrained` writes them; pickle files are refused",
            do="download the depth estimator again, or name another",
        ) from error
    return pipeline("depth-estimation", model=model, image_processor=processor, device=device)


class Depth:
    """``agreement`` and ``error`` (n,) of each view's hint and the depth estimated again from its picture."""

    def __init__(self, row: WeightsRow, folder: Path, device: str) -> None:
        self._estimate = load_depth_estimator(folder, device)
        self.made_by = made_by(row, row.resize, "torch", "transformers", "pillow", "scipy")

    def __call__(self, views: Sequence[View]) -> Arrays:
        """Whole maps are not kept. Not a number without a hint."""
        found = np.array([self._compared(view) for view in views], dtype=np.float64).reshape(-1, 2)
        return {"agreement": found[:, 0].copy(), "error": found[:, 1].copy()}

    def _compared(self, view: View) -> tuple[float, float]:
        if view.hint is None:
            return float("nan"), float("nan")
        estimate = self._estimate(view.picture)
        hint = view.hint.convert("L").resize(estimate.size, resample=Image.Resampling.BILINEAR)
        return agreement(_levels(estimate), _levels(hint)), relative_error(_levels(estimate), _levels(hint))


def _levels(depth: Image.Image) -> Map:
    return np.asarray(depth, dtype=np.float64)

"""How the latents of one picture drift from the reference's, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.report.view import RunView
from harness.store.records import CellRecord

STAGE = "latents"  # of the store
TENSOR = "latents"  # (steps, channels, height, width)


@dataclass(frozen=True)
class Divergence:
    """Relative L2 distance of the latents after each step, ``|cell - reference| / |reference|``; or why not known."""

    steps: tuple[float, ...] = ()
    reason: str | None = None


def divergence(view: RunView, cell: CellRecord, reference: CellRecord) -> Divergence:
    """Of the first row's latents, which the instrumented call keeps."""
    mine, theirs = _latents(view, cell), _latents(view, reference)
    if mine is None or theirs is None:
        return Divergence(reason="the latents of both were not kept")
    if mine.shape != theirs.shape:
        return Divergence(reason=f"latents of two shapes: {mine.shape} and {theirs.shape}")
    return Divergence(tuple(relative_distance(one, other) for one, other in zip(mine, theirs, strict=True)))


def relative_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """``|one - other| / |other|``; not a number stays so."""
    size = float(np.linalg.norm(other.astype(np.float64)))
    gap = float(np.linalg.norm(one.astype(np.float64) - other.astype(np.float64)))
    return gap / size if size > 0 else (0.0 if gap == 0 else float("inf"))


def _latents(view: RunView, cell: CellRecord) -> NDArray[np.floating] | None:
    stages = cell.timing.stages if cell.timing else None
    data = view.stored(STAGE, stages.latents_key) if stages else None
    return load(data).get(TENSOR) if data is not None else None

"""Interpolation: where each weight's pictures stand between the things of their mix, and how even the steps are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.errors import StoreError
from harness.report.sentences import bounds_text, value_text
from harness.report.text import number, plural
from harness.report.view import RunView, own_knobs, score_of
from harness.score.interpolation import Steps, step_sizes
from harness.spec.knobs import label_of
from harness.store.records import CellRecord, Score

_METRIC = "mix_position"
_DECIMALS = 4  # of cosine distances, which are small


@dataclass(frozen=True)
class AtWeight:
    """A weight's line: the mean position of its pictures, and the mean step from here to the next weight."""

    weight: str
    score: Score | None
    step: float | None  # mean cosine distance; ``None`` after the last weight, and where features are missing

    @property
    def position(self) -> str:
        """The mean position, or a dash."""
        return value_text(self.score) if self.score and self.score.value is not None else "—"

    @property
    def between(self) -> str:
        """The interval of the mean, with its count; why there is none."""
        if self.score is None or self.score.value is None:
            return (self.score and self.score.reason) or "not scored"
        return f"{bounds_text(self.score)}, {plural(self.score.n, 'image')}"

    @property
    def step_text(self) -> str:
        """The step to the next weight, or a dash."""
        return "—" if self.step is None else number(self.step, _DECIMALS)


@dataclass(frozen=True)
class Walk:
    """Cells that differ in nothing but their weights, in the order of the last thing's share.

    ``mean_step`` is the mean cosine distance between neighbouring weights' pictures of a row; ``unevenness`` the
    largest step of a row over the row's mean, averaged over rows: 1 where all steps are even.
    """

    title: str  # what these cells share of the swept knobs; empty where nothing else is swept
    lines: tuple[AtWeight, ...]
    mean_step: float | None
    unevenness: float | None

    @property
    def sentence(self) -> str:
        """What the steps are like."""
        if self.mean_step is None:
            return "The steps are not known: the features are not, or no longer, stored."
        text = f"Mean step between neighbouring weights {number(self.mean_step, _DECIMALS)} (cosine distance)"
        return f"{text}." if self.unevenness is None else f"{text}, the largest {number(self.unevenness, 2)}× the mean."


def walks(view: RunView) -> tuple[Walk, ...]:
    """A walk for each set of interpolation cells that differ in their weights alone; none without a sweep of them."""
    groups: dict[str, list[CellRecord]] = {}
    for cell in view.done:
        if cell.settings.task == "interpolation" and cell.settings.weights is not None:
            groups.setdefault(cell.settings.model_dump_json(exclude={"weights"}), []).append(cell)
    return tuple(_walk(view, sorted(cells, key=_share)) for cells in groups.values() if len(cells) > 1)


def _share(cell: CellRecord) -> float:
    """The last thing's share of the weights."""
    weights = cell.settings.weights or (0.0,)
    return weights[-1] / (sum(weights) or 1.0)


def _walk(view: RunView, cells: Sequence[CellRecord]) -> Walk:
    rows = _steps(view, cells)
    sizes = np.array([steps.sizes for steps in rows])  # (rows, weights - 1)
    after = sizes.mean(axis=0).tolist() if rows else [None] * (len(cells) - 1)
    uneven = [steps.unevenness for steps in rows if steps.unevenness is not None]
    fixed = [str(value) for knob, value in own_knobs(cells[0]).items() if knob != "weights"]
    return Walk(
        title=" · ".join(fixed),
        lines=tuple(
            AtWeight(str(label_of("weights", cell.settings.weights)), score_of(cell, _METRIC), step)
            for cell, step in zip(cells, [*after, None], strict=True)
        ),
        mean_step=float(sizes.mean()) if rows else None,
        unevenness=float(np.mean(uneven)) if uneven else None,
    )


def _steps(view: RunView, cells: Sequence[CellRecord]) -> list[Steps]:
    """The steps of each row from weight to weight; none unless every cell's features are stored."""
    features = [_features(view, cell) for cell in cells]
    there = [found for found in features if found is not None]
    return [step_sizes(row) for row in np.stack(there, axis=1)] if len(there) == len(cells) else []


def _features(view: RunView, cell: CellRecord) -> NDArray[np.floating] | None:
    """The features (rows, d) of a cell's pictures under the network that scored them."""
    score = score_of(cell, _METRIC)
    key = cell.features.get(str(score.made_by.get("weights"))) if score else None
    if key is None:
        return None
    try:
        found: NDArray[np.floating] = load(view.store.get("features", key))["image_features"]
    except StoreError:
        return None
    return found

"""A plug-in's metric among the makers of features: its numbers are kept as features are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.catalog.own_metrics import PREFIX, OwnMetric, own_metrics
from harness.catalog.types import WeightsRow
from harness.score.view import Arrays, View, made_by

VALUES = "values"


def values_of(own: OwnMetric, looked_at: Any, n: int) -> NDArray[np.float64]:
    """What a plug-in's function gives for ``n`` pictures: (n,) numbers, or (1,) of a metric of the whole set.

    Raises:
        ValueError: it gives something else.
    """
    values = np.asarray(own.function(looked_at), dtype=np.float64)
    wanted = (n,) if own.row.per_image else ()
    if values.shape != wanted:
        told = f"{n} numbers, one a picture" if own.row.per_image else "one number"
        raise ValueError(f"{own.distribution} gives an array of shape {values.shape}, not {told}")
    return values.reshape(-1)


class OwnPictures:
    """``values`` of a plug-in that looks at pictures."""

    def __init__(self, row: WeightsRow) -> None:
        self._own = own_metrics().found[row.name.removeprefix(PREFIX)]
        self.made_by = made_by(row, row.resize, "numpy", "pillow")

    def __call__(self, views: Sequence[View]) -> Arrays:
        """The plug-in's numbers."""
        return {VALUES: values_of(self._own, views, len(views))}

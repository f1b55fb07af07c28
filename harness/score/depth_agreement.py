"""Whether a picture has the depth of its hint: rank correlation, and relative error after alignment. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

FARTHEST = 0.1  # of the hint's largest value: what is less is too far away to be measured by a share of it

Map = NDArray[np.floating]


def agreement(estimate: Map, hint: Map) -> float:
    """Spearman's rank correlation of two maps (height, width), 1 for the same order of near and far.

    0 if the estimate is flat: it agrees with nothing. Not a number if the hint is: it orders nothing.

    Source: C. Spearman, The proof and measurement of association between two things, 1904; by scipy.
    """
    if np.ptp(hint) == 0:
        return float("nan")
    if np.ptp(estimate) == 0:
        return 0.0
    return float(spearmanr(estimate, hint, axis=None).statistic)


def relative_error(estimate: Map, hint: Map) -> float:
    """Mean of ``|aligned - hint| / hint``: AbsRel, the estimate's scale and shift fitted to the hint first.

    Both are nearness (disparity) and known up to scale and shift only. As benchmarks cap depth, pixels farther than
    ten times the nearest are left out of the fit and of the mean: a hint of 0 has no share. A flat estimate is fitted
    by its shift alone. Not a number if the hint is black.

    Args:
        estimate, hint: (height, width).

    Source: AbsRel by D. Eigen et al., NeurIPS 2014; the fit by R. Ranftl et al., Towards robust monocular depth
    estimation, TPAMI 2020, and their ``compute_scale_and_shift`` (isl-org/MiDaS).
    """
    near = (hint > 0) & (hint >= FARTHEST * np.max(hint))
    if not near.any():
        return float("nan")
    wanted = np.asarray(hint[near], dtype=np.float64)
    aligned = _aligned(np.asarray(estimate[near], dtype=np.float64), wanted)
    return float(np.mean(np.abs(aligned - wanted) / wanted))


def _aligned(estimate: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """``scale * estimate + shift`` with the least squared distance from what is wanted, (n,)."""
    centred = estimate - estimate.mean()
    scale = float(centred @ wanted) / float(centred @ centred) if np.ptp(estimate) > 0 else 0.0
    aligned: NDArray[np.float64] = scale * centred + wanted.mean()
    return aligned

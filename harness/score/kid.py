"""KID: the kernel distance of two sets of features with the cubic kernel ``(x·y / d + 1)³``.

Unbiased, over all samples, where torch-fidelity, torchmetrics and clean-fid average over random subsets; one subset of
all samples is the same number. It may be negative.

Source: M. Bińkowski et al., Demystifying MMD GANs, ICLR 2018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.score.mmd import Array, mmd_squared


def cubic(x: Array, y: Array) -> Array:
    """(n, d) and (m, d) -> (n, m)."""
    kernel: Array = (x @ y.T / x.shape[1] + 1.0) ** 3
    return kernel


def kid(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The distance of features (n, d) from features (m, d), each of at least two."""
    return mmd_squared(x, y, cubic)

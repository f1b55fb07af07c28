"""CMMD: 1,000 times the squared MMD of CLIP's image features under a Gaussian kernel of width 10. Unbiased here.

The paper writes the unbiased estimator, its code computes the biased one, which a set's own size moves upwards. So the
name says which: ``cmmd_unbiased``. It may be negative.

Source: S. Jayasumana et al., Rethinking FID: towards a better evaluation metric for image generation, CVPR 2024;
width, scale and unit length from their code (google-research/cmmd, ``distance.py`` and ``embedding.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.score.mmd import Array, mmd_squared

WIDTH, SCALE = 10.0, 1000.0


def gaussian(x: Array, y: Array) -> Array:
    """``exp(-|x - y|² / 2·10²) - 1`` of (n, d) and (m, d), (n, m).

    The one that is taken off drops out of an unbiased MMD; without it, the differences of unit vectors, of which none
    is more than 2 % from one, keep their digits.
    """
    squared = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("md,md->m", y, y)[None] - 2.0 * (x @ y.T)
    kernel: Array = np.expm1(np.clip(squared, 0.0, None) / (-2.0 * WIDTH**2))
    return kernel


def unit(features: NDArray[np.floating]) -> Array:
    """(n, d) at unit length; none of them zero."""
    values = np.asarray(features, dtype=np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    if not (np.isfinite(length).all() and (length > 0).all()):
        raise ValueError("features hold values that are not finite numbers, or a vector of length zero")
    units: Array = values / length
    return units


def cmmd(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The distance of features (n, d) from features (m, d) of any length, each of at least two."""
    return SCALE * mmd_squared(unit(x), unit(y), gaussian)

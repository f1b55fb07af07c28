"""Vendi score: how many different pictures a set effectively holds, from 1 (all alike) to n (nothing in common).

``exp`` of the entropy of the eigenvalues of the pictures' cosine similarities over n. It is bounded by n and grows with
it, so that only sets of one size can be compared.

Source: D. Friedman and A. Dieng, The Vendi score, TMLR 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.score.cmmd import unit


def vendi(features: NDArray[np.floating]) -> float:
    """Of features (n, d) of any length, none of them zero; by the smaller of the n × n and the d × d matrix.

    Raises:
        ValueError: values that are not finite, or a vector of length zero.
    """
    units = unit(features)
    n, d = units.shape
    gram = units.T @ units if d < n else units @ units.T
    shares = np.clip(np.linalg.eigvalsh(gram / n), 0.0, None)
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))

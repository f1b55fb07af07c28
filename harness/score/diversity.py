"""Diversity within a prompt: how much the pictures of one prompt's seeds differ. Pure numpy.

The mean cosine distance of two of its pictures on CLIP's image features: one minus the mean similarity score of
S. Sadat et al., CADS, ICLR 2024, who take another network's features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.score.cmmd import unit


def to_the_others(features: NDArray[np.floating], prompts: Sequence[str]) -> NDArray[np.float64]:
    """(n,): each picture's mean cosine distance, 0 to 2, to the other pictures of its prompt.

    Their mean over a prompt's pictures is the mean over its pairs. Not a number for a prompt's only picture.

    Args:
        features: (n, d) of any length, none of them zero.
        prompts: (n,) the prompt of each.
    """
    units = unit(features)
    found = np.full(len(units), np.nan)
    for name in dict.fromkeys(prompts):
        rows = np.flatnonzero([prompt == name for prompt in prompts])
        if len(rows) > 1:
            sums = (units[rows] @ units[rows].T).sum(axis=1) - 1.0
            found[rows] = 1.0 - sums / (len(rows) - 1)
    return found

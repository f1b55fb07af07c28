"""Directional CLIP similarity: whether a picture moved the way its text did. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def directional_cosines(
    pictures: NDArray[np.floating],
    sources: NDArray[np.floating],
    texts: NDArray[np.floating],
    captions: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Cosine (n,) of the change from source to picture and the change from the source's caption to the prompt.

    All are CLIP features (n, d) of unit length; not a number where the picture, or the text, did not change, and where
    a row has no source or no caption.

    Source: R. Gal et al., StyleGAN-NADA, SIGGRAPH 2022, equation 1 (the loss is one minus this); as InstructPix2Pix
    (T. Brooks et al., CVPR 2023) uses it to judge edits.
    """
    seen, said = np.subtract(pictures, sources, dtype=np.float64), np.subtract(texts, captions, dtype=np.float64)
    lengths = np.linalg.norm(seen, axis=1) * np.linalg.norm(said, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine: NDArray[np.float64] = np.einsum("nd,nd->n", seen, said) / lengths
    return np.where(lengths > 0, cosine, np.nan)

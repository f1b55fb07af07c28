"""The feature extractor behind a Fréchet distance on the miniature's world."""

from __future__ import annotations

from pathlib import Path

from harness.score.attribute_net import AttributeNet, load_attribute_net


def load_extractor(folder: Path) -> AttributeNet:
    """Maps pictures (n, 3, h, w) in [0, 1] to features (n, d); other sizes are resized, as its config says."""
    return load_attribute_net(folder)

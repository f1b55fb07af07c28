"""The truth of a picture of the miniature's world, as its judge sees it."""

from __future__ import annotations

from pathlib import Path

import torch

from harness.score.attribute_net import AttributeNet, load_attribute_net


def load_judge(folder: Path) -> AttributeNet:
    """The classifier; it shares no weights with anything it judges or that is scored."""
    return load_attribute_net(folder)


@torch.inference_mode()
def seen(judge: AttributeNet, pictures: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) in [0, 1] → (n, 5) attribute indices, in the order of ``harness.catalog.world.ATTRIBUTES``."""
    return torch.stack([logits.argmax(1) for logits in judge.logits(pictures)], dim=1)

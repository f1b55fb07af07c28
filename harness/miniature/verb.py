"""What `harness miniature` does: build the family, part by part."""

from __future__ import annotations

from pathlib import Path

import torch

from harness.errors import UsageError
from harness.miniature.recipes import RECIPES, in_order
from harness.miniature.train import Say, train
from harness.miniature.workshop import Workshop


def build(folder: Path, parts: tuple[str, ...] = (), threads: int = 1, say: Say = print) -> None:
    """Train the parts that ``folder`` lacks (all, if none is named), each after what it needs; resumable."""
    unknown = sorted(set(parts) - set(RECIPES))
    if unknown:
        raise UsageError(f"There is no part {unknown[0]!r}.", expected="one of " + ", ".join(RECIPES))
    torch.set_num_threads(threads)
    shop = Workshop(folder)
    for recipe in in_order(parts):
        train(recipe, shop, say)

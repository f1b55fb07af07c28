"""Finished parts that are random weights: enough to train a step after them and to export them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from harness.miniature.export import export
from harness.miniature.recipes import RECIPES, in_order
from harness.miniature.workshop import Workshop

_FACTS = {"steps": 1, "batch": 1, "seconds": 1.0, "loss": 1.0, "threads": 1}


def quiet(_: str) -> None:
    """Says nothing."""


def finish(shop: Workshop, *parts: str) -> None:
    """Pretend that parts were trained."""
    for name in parts:
        torch.manual_seed(RECIPES[name].seed)
        weights = {key: value.clone().contiguous() for key, value in RECIPES[name].build().state_dict().items()}
        path = shop.part_file(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(weights, path, {"facts": json.dumps(_FACTS)})


def exported(shop: Workshop, out: Path, member: str, *parts: str) -> Path:
    """The folder of a member of the family below ``out``, made of the named parts and of what they need."""
    if not (out / member).exists():
        finish(shop, *(recipe.name for recipe in in_order((*parts, "movq"))))
        export(shop, out, (member,))
    return out / member

"""The shipped weights as parts of a workshop, so that a new part can be trained without training all before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from harness.miniature.recipes import RECIPES, digest_of
from harness.miniature.train import Say
from harness.miniature.workshop import Tensors, Workshop

_UNET = "mini-2.2/decoder/unet/diffusion_pytorch_model.safetensors"
_MOVQ = "mini-2.2/decoder/movq/diffusion_pytorch_model.safetensors"
_PRIOR = "mini-2.2/prior"

#: part → the files that hold its weights, each with the prefix under which the part knows them
_SHIPPED: dict[str, dict[str, str]] = {
    "movq-start": {_MOVQ: ""},  # its encoder; the decoder is the finished one's
    "movq": {_MOVQ: ""},
    "clip": {
        f"{_PRIOR}/text_encoder/model.safetensors": "text.",
        f"{_PRIOR}/image_encoder/model.safetensors": "vision.",
    },
    "decoder": {_UNET: ""},  # but for its variance, which the next part taught
    "variance": {_UNET: ""},
    "prior": {f"{_PRIOR}/prior/diffusion_pytorch_model.safetensors": ""},
    "scorer": {"scorer/open_clip_model.safetensors": "clip."},
    "extractor": {"extractor/model.safetensors": ""},
    "judge": {"judge/model.safetensors": ""},
}


def adopt(shop: Workshop, weights: Path, say: Say = print) -> list[str]:
    """Put the shipped parts that the workshop lacks into it; their names.

    Shipped weights have half precision and lack what served training only (heads, a temperature); those are drawn
    anew, and nothing that is trained later looks at them. A part whose recipe has changed since is left out.
    """
    facts = _facts(weights)
    adopted = []
    for name, files in _SHIPPED.items():
        known = facts.get(name)
        if known is None or known["recipe_digest"] != digest_of(name)[:16] or shop.part_file(name).exists():
            continue
        _put(shop.part_file(name), _whole(RECIPES[name].build, weights, files), known)
        adopted.append(name)
        say(f"{name}: taken from the shipped weights")
    return adopted


def _facts(weights: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for card in sorted(weights.rglob("card.json")):
        found |= json.loads(card.read_text())["parts"]
    return found


def _whole(build: Callable[[], torch.nn.Module], weights: Path, files: dict[str, str]) -> Tensors:
    torch.manual_seed(0)
    tensors = dict(build().state_dict())
    for file, prefix in files.items():
        shipped = {prefix + key: value for key, value in load_file(weights / file).items()}
        tensors |= {key: value.to(tensors[key].dtype) for key, value in shipped.items()}
    return tensors


def _put(path: Path, tensors: Tensors, facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    kept = {key: facts[key] for key in ("recipe", "steps", "batch", "seconds", "loss", "threads")}
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, partial, {"facts": json.dumps(kept)})
    partial.replace(path)

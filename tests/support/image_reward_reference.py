"""The authors' own ImageReward (`image-reward` 1.5) on given weights, words and pictures, in a process of its own.

``python -m support.image_reward_reference FOLDER``: the folder holds ``state.pt`` (by their names), ``vocab.txt``,
``size.json`` and ``inputs.npz`` (pictures, 8-bit, and prompts); ``rewards.npy`` is written beside them. The package
needs a transformers of its time: that, and the package, come from ``PYTHONPATH``.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image


def bare_package(name: str) -> None:
    """The package without what its ``__init__`` imports, of which nothing is needed here."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations is not None
    module = ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = module


def network(folder: Path) -> Any:
    """Their network, at the size of the weights, with the folder's words for BERT's."""
    import transformers

    words = transformers.BertTokenizer(str(folder / "vocab.txt"))
    transformers.BertTokenizer.from_pretrained = lambda *_: words
    for package in ("ImageReward", "ImageReward.models"):
        bare_package(package)
    size = json.loads((folder / "size.json").read_text())
    vision = importlib.import_module("ImageReward.models.BLIP.vit").VisionTransformer
    pretrain: Any = importlib.import_module("ImageReward.models.BLIP.blip_pretrain")
    pretrain.create_vit = lambda *_: (vision(**size["vision"]), size["vision"]["embed_dim"])
    reward: Any = importlib.import_module("ImageReward.ImageReward")
    reward.MLP = functools.partial(lambda make, _: make(size["text"]["hidden_size"]), reward.MLP)
    (folder / "med.json").write_text(json.dumps(size["text"]))
    made = reward.ImageReward(str(folder / "med.json"))
    made.preprocess = reward._transform(size["vision"]["img_size"])
    lacking, odd = made.load_state_dict(torch.load(folder / "state.pt", weights_only=True), strict=False)
    left = [name for name in lacking if "_proj." not in name and "position_ids" not in name]
    if left or odd:
        raise SystemExit(f"other weights: lacking {left}, odd {odd}")
    return made.eval()


def main() -> None:
    """Read, rate, write."""
    folder = Path(sys.argv[1])
    net, given = network(folder), np.load(folder / "inputs.npz")
    rewards = []
    for i, (pixels, prompt) in enumerate(zip(given["pictures"], given["prompts"].tolist(), strict=True)):
        file = folder / f"{i}.png"
        Image.fromarray(pixels).save(file)
        with torch.inference_mode():
            rewards.append(net.score(prompt, str(file)))
    np.save(folder / "rewards.npy", np.array(rewards))


if __name__ == "__main__":
    main()

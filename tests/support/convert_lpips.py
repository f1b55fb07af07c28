"""Make ``harness/score/weights/lpips.safetensors``, once, from the `lpips` package's own linear layers (version 0.1).

``python tests/support/convert_lpips.py FOLDER``, where FOLDER holds the package's ``alex.pth`` and ``vgg.pth``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from harness.score.lpips import LINEAR

FILES = {"alexnet": "alex.pth", "vgg16": "vgg.pth"}


def converted(folder: Path) -> dict[str, torch.Tensor]:
    """``<architecture>.<layer>`` → one weight (channels,) for each channel of the layer."""
    found = {}
    for architecture, name in FILES.items():
        layers = torch.load(folder / name, map_location="cpu", weights_only=True)
        found |= {f"{architecture}.{i}": layers[f"lin{i}.model.1.weight"].flatten().contiguous() for i in range(5)}
    return found


if __name__ == "__main__":
    metadata = {"source": "lpips 0.1.4, weights v0.1", "licence": "BSD-2-Clause, see LPIPS-LICENSE"}
    save_file(converted(Path(sys.argv[1])), LINEAR, metadata=metadata)

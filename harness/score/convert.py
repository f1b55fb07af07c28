"""Published weights that are pickled, converted once by hand: `python -m harness.score.convert WHAT FILE FOLDER`.

The file is read with ``weights_only``, which refuses whatever is not a tensor, and never by a run. What is written says
which file it came from: a number bears the literature's name only if that is the literature's file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from harness.score.inception_features import ARCHITECTURE, RESIZES
from harness.score.lpips import LAYERS
from harness.score.network_folder import CONFIG, WEIGHTS

State = dict[str, torch.Tensor]


def _inception(state: State, resize: str) -> tuple[State, dict[str, Any]]:
    """pytorch-fid's and torch-fidelity's file of the FID's Inception."""
    return state, {"architecture": ARCHITECTURE, "resize": resize}


def _backbone(architecture: str) -> Callable[[State, str], tuple[State, dict[str, Any]]]:
    """torchvision's file of an AlexNet or a VGG-16: the convolutions of it."""

    def convert(state: State, _: str) -> tuple[State, dict[str, Any]]:
        kept = {name: value for name, value in state.items() if name.startswith("features.")}
        return kept, {"architecture": architecture}

    return convert


_CONVERT = {"inception": _inception, **{name: _backbone(name) for name in LAYERS}}


def convert(what: str, file: Path, folder: Path, resize: str = "tf") -> None:
    """Write a folder with ``config.json`` and ``model.safetensors``.

    Args:
        what: ``inception`` (``pt_inception-2015-12-05-6726825d.pth``), ``alexnet`` or ``vgg16`` (torchvision's).
        file: the pickled state dictionary.
        folder: made if absent.
        resize: of ``inception`` alone: how pictures are brought to its size, and so the name of the FID.
    """
    state: State = torch.load(file, map_location="cpu", weights_only=True)
    kept, config = _CONVERT[what](state, resize)
    config["source_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in kept.items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m harness.score.convert", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=sorted(_CONVERT))
    parser.add_argument("file", type=Path, help="the pickled weights, as published")
    parser.add_argument("folder", type=Path, help="where to: name it under `scorers` in a spec")
    parser.add_argument("--resize", choices=sorted(RESIZES), default="tf", help="of inception: the FID's variant")
    given = parser.parse_args(arguments)
    convert(given.what, given.file, given.folder, given.resize)


if __name__ == "__main__":
    main()

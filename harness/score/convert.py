"""Published weights that are pickled, converted once by hand: `python -m harness.score.convert WHAT FILE FOLDER`.

The file is read with ``weights_only``, which refuses whatever is not a tensor, and never by a run. What is written says
which file it came from, and what was made of it: a number bears the literature's name only if the first is the
literature's file and the second is still what was written. That is the folder's own word, no proof.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import pickle
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from harness.errors import HarnessError, MissingError, UsageError
from harness.score.folder_forms import CONFIG, IMAGE_REWARD, VOCABULARY, WEIGHTS, weights_sha256
from harness.score.image_reward_published import State, from_published
from harness.score.inception import Inception
from harness.score.inception_features import ARCHITECTURE, RESIZES
from harness.score.lpips import LAYERS, convolutions


def _inception(state: State, resize: str) -> tuple[State, dict[str, Any]]:
    """pytorch-fid's and torch-fidelity's file of the FID's Inception."""
    return state, {"architecture": ARCHITECTURE, "resize": resize}


def _backbone(architecture: str) -> Callable[[State, str], tuple[State, dict[str, Any]]]:
    """torchvision's file of an AlexNet or a VGG-16: the convolutions of it."""

    def convert(state: State, _: str) -> tuple[State, dict[str, Any]]:
        kept = {name: value for name, value in state.items() if name.startswith("features.")}
        return kept, {"architecture": architecture}

    return convert


def _image_reward(state: State, _: str) -> tuple[State, dict[str, Any]]:
    return from_published(state)


def _reward_net(config: Mapping[str, Any]) -> torch.nn.Module:
    from harness.score.image_reward import RewardNet

    return RewardNet(config)


_EXPECTED = (
    "the published file: pt_inception-2015-12-05-6726825d.pth, alexnet-owt-7be5be79.pth, vgg16-397923af.pth or "
    "ImageReward.pt"
)
_RESIZE = "tf"  # of the Inception, where none is named
#: What reading and building may raise of a file that is another's
_FOREIGN = (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_NETWORKS: dict[str, Callable[[Mapping[str, Any]], torch.nn.Module]] = {
    "inception": lambda _: Inception(),
    IMAGE_REWARD: _reward_net,
    **dict.fromkeys(LAYERS, lambda config: convolutions(config["architecture"])),
}
_CONVERT = {"inception": _inception, IMAGE_REWARD: _image_reward, **{name: _backbone(name) for name in LAYERS}}


def convert(what: str, file: Path, folder: Path, resize: str | None = None, vocabulary: Path | None = None) -> None:
    """Write a folder with ``config.json`` and ``model.safetensors``.

    Args:
        what: ``inception`` (``pt_inception-2015-12-05-6726825d.pth``), ``alexnet`` or ``vgg16`` (torchvision's), or
            ``image-reward`` (``ImageReward.pt``).
        file: the pickled state dictionary.
        folder: made if absent; else it must be empty.
        resize: of ``inception`` alone: how pictures are brought to its size, and so the name of the FID; ``tf`` if
            none is named.
        vocabulary: of ``image-reward`` alone: the ``vocab.txt`` of bert-base-uncased.

    Raises:
        MissingError: there is no such file, it holds more than tensors, or another network's.
        UsageError: the folder holds something already, a vocabulary is wanted, or the network takes none or no resize.
    """
    _refuse_unused(what, resize, vocabulary)
    state, source_sha256 = _read(file)
    kept, config = _sorted(what, file, state, resize or _RESIZE)
    _refuse_full(folder)
    words = _words(what, vocabulary, config)
    folder.mkdir(parents=True, exist_ok=True)
    if words is not None:
        shutil.copyfile(words, folder / VOCABULARY)
        config["vocabulary_sha256"] = hashlib.sha256((folder / VOCABULARY).read_bytes()).hexdigest()
    save_file({name: value.contiguous() for name, value in kept.items()}, folder / WEIGHTS)
    config |= {"source_sha256": source_sha256, "weights_sha256": weights_sha256(folder)}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _read(file: Path) -> tuple[State, str]:
    """A pickled state dictionary, and the SHA-256 of its file."""
    try:
        data = file.read_bytes()
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not all(map(_is_named_tensor, state.items())):
            raise TypeError("it holds something else than named tensors")
    except (OSError, EOFError, pickle.UnpicklingError, *_FOREIGN) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise MissingError(f"{file} cannot be read: {reason}", expected=_EXPECTED) from error
    return state, hashlib.sha256(data).hexdigest()


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], torch.Tensor)


def _sorted(what: str, file: Path, state: State, resize: str) -> tuple[State, dict[str, Any]]:
    """What is kept of it, loaded once: nothing is written of weights that are another's."""
    try:
        kept, config = _CONVERT[what](state, resize)
        with torch.device("meta"):
            net = _NETWORKS[what](config)
        net.load_state_dict(kept, assign=True)
    except _FOREIGN as error:
        reason = " ".join(str(error).split())[:300]
        raise MissingError(f"{file} holds other weights than those of {what}: {reason}", expected=_EXPECTED) from error
    return kept, config


def _words(what: str, vocabulary: Path | None, config: Mapping[str, Any]) -> Path | None:
    if what != IMAGE_REWARD:
        return None
    if vocabulary is None:
        raise UsageError(f"{what} reads prompts.", expected="--vocabulary FILE: the vocab.txt of bert-base-uncased")
    from harness.score.image_reward import vocabulary_of

    vocabulary_of(vocabulary, int(config["text"]["vocab_size"]))
    return vocabulary


def _refuse_unused(what: str, resize: str | None, vocabulary: Path | None) -> None:
    """What a network does not take would be dropped without a word."""
    takes = {"--resize": (resize, "inception"), "--vocabulary": (vocabulary, IMAGE_REWARD)}
    for option, (given, only) in takes.items():
        if given is not None and what != only:
            raise UsageError(f"{what} takes no {option}.", expected=f"it with {only} alone", do=f"leave {option} out")


def _refuse_full(folder: Path) -> None:
    """What is there already might be loaded in place of what is written, or be lost."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is no empty folder.", expected="a new folder, or an empty one")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m harness.score.convert", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=sorted(_CONVERT))
    parser.add_argument("file", type=Path, help="the pickled weights, as published")
    parser.add_argument("folder", type=Path, help="where to: name it under `scorers` in a spec")
    parser.add_argument(
        "--resize", choices=sorted(RESIZES), help=f"of inception: the FID's variant; {_RESIZE} unless named"
    )
    parser.add_argument("--vocabulary", type=Path, help="of image-reward: the vocab.txt of bert-base-uncased")
    given = parser.parse_args(arguments)
    try:
        convert(given.what, given.file, given.folder, given.resize, given.vocabulary)
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

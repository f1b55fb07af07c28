"""What a scorer's folder must hold, looked at without loading it and before anything is made. No torch.

A folder is data: nothing that stands in it may make a library run code of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.catalog.types import Network, WeightsRow
from harness.errors import MissingError

CONFIG, WEIGHTS, OPEN_CLIP = "config.json", "model.safetensors", "open_clip_config.json"
STATISTICS = "reference_statistics.safetensors"  # beside an extractor's weights
INCEPTION, INCEPTION_WIDTH = "inception-v3-compat", 2048
BACKBONES = ("alexnet", "vgg16")
IMAGE_REWARD, VOCABULARY = "image-reward", "vocab.txt"
ATTRIBUTE_NET = frozenset({"widths", "features", "heads"})
_TOWER = frozenset({
    "layers", "width", "patch_size", "image_size", "timm_model_name", "hidden_size", "num_hidden_layers",
})  # fmt: skip
#: Of open_clip's tokenizers alone; all others go to transformers, which runs a folder's code if it is told to
TOKENIZER_KWARGS: dict[str, type] = {"clean": str, "strip_sep_token": bool, "language": str, "reduction_mask": str}


def check_folder(kind: Network, folder: Path) -> None:
    """What can be told of a folder of weights before they are loaded; nothing of kinds that are not known here.

    Raises:
        MissingError: it is of another form than its network's, or its safetensors weights are not there.
    """
    if kind in _CHECKS:
        _CHECKS[kind](folder)


def check_open_clip(folder: Path) -> None:
    """A folder in open_clip's form, whose tokenizer asks for nothing but how texts are cleaned.

    Raises:
        MissingError: it is another folder, its weights are pickled, or its tokenizer asks for more.
    """
    if not (folder / OPEN_CLIP).is_file():
        raise MissingError(
            f"{folder} holds no open_clip model.",
            expected=f"{OPEN_CLIP} with safetensors weights beside it",
            do="check the scorer's place",
        )
    _refuse_tokenizer_kwargs(folder)
    if not _opens_safetensors(folder):
        raise MissingError(
            f"The scorer in {folder} has no safetensors weights; pickle files are refused, because reading one runs "
            "whatever code is in it.",
            expected="open_clip_model.safetensors",
            do="convert the weights once, by hand: `safetensors.torch.save_file(torch.load(FILE, weights_only=True), "
            '"open_clip_model.safetensors")`',
        )


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a folder's safetensors weights; of several files, of their digests in the order of their names."""
    own = folder / WEIGHTS
    files = [own] if own.is_file() else sorted(p for p in folder.glob("*.safetensors") if p.name != STATISTICS)
    each = []
    for path in files:
        with path.open("rb") as file:
            each.append(hashlib.file_digest(file, "sha256").hexdigest())
    return each[0] if len(each) == 1 else hashlib.sha256("".join(each).encode()).hexdigest()


def text_config(folder: Path) -> dict[str, Any]:
    """What a folder in open_clip's form says of its text tower.

    Raises:
        MissingError: it cannot be read.
    """
    text = _object(_read(folder, OPEN_CLIP).get("model_cfg")).get("text_cfg")
    return _object(text)


def architecture_of(folder: Path) -> str:
    """How a CLIP's folder describes its picture tower, in either format; "" if it does not."""
    if (folder / OPEN_CLIP).is_file():
        vision = _object(_read(folder, OPEN_CLIP).get("model_cfg")).get("vision_cfg")
    else:
        vision = _read(folder, CONFIG).get("vision_config")
    said = {name: value for name, value in sorted(_object(vision).items()) if name in _TOWER}
    return "CLIP with a picture tower of " + json.dumps(said) if said else ""


def width_of(row: WeightsRow) -> int | None:
    """How many features of a picture its weights make: as the catalog or their folder says; ``None`` if neither does.

    A folder that cannot be read says nothing: whoever loads it tells why.
    """
    if row.embedding_dim is not None or row.place is None or row.place.kind != "folder":
        return row.embedding_dim
    folder = Path(row.place.where)
    try:
        if (folder / OPEN_CLIP).is_file():
            width = _object(_read(folder, OPEN_CLIP).get("model_cfg")).get("embed_dim")
        else:
            config = _read(folder, CONFIG)
            width = INCEPTION_WIDTH if config.get("architecture") == INCEPTION else config.get("features")
    except MissingError:
        return None
    return width if type(width) is int else None


def check_attribute_net(folder: Path) -> None:
    """The miniature's form of an extractor or a judge.

    Raises:
        MissingError: it is another form, or the weights are not there.
    """
    if not _read(folder, CONFIG).keys() >= ATTRIBUTE_NET:
        raise _other_form(folder, f"a network with {', '.join(sorted(ATTRIBUTE_NET))}, as the miniature's")
    _has_weights(folder)


def _extractor(folder: Path) -> None:
    config = _read(folder, CONFIG)
    if config.get("architecture") != INCEPTION and not config.keys() >= ATTRIBUTE_NET:
        raise _other_form(
            folder,
            f"an extractor of one of two forms: the Inception (an `architecture` of {INCEPTION}, as "
            "`python -m harness.score.convert inception` writes it), or a network with "
            f"{', '.join(sorted(ATTRIBUTE_NET))}, as the miniature's",
        )
    _has_weights(folder)


def _perceptual(folder: Path) -> None:
    if _read(folder, CONFIG).get("architecture") not in BACKBONES:
        raise _other_form(folder, f"an `architecture` of {' or '.join(BACKBONES)}: LPIPS has linear layers for these")
    _has_weights(folder)


def _preference(folder: Path) -> None:
    if (folder / OPEN_CLIP).is_file():
        check_open_clip(folder)
    elif not (folder / CONFIG).is_file():
        raise MissingError(f"{folder} holds no CLIP.", expected=f"{OPEN_CLIP} or {CONFIG}, with safetensors weights")
    elif is_image_reward(folder):
        _has_weights(folder)
        if not (folder / VOCABULARY).is_file():
            raise MissingError(f"{folder} holds no {VOCABULARY}.", expected="that of bert-base-uncased, a word a line")


def is_image_reward(folder: Path) -> bool:
    """Whether a preference model's folder is ImageReward's, and no CLIP's.

    Raises:
        MissingError: its configuration cannot be read.
    """
    return not (folder / OPEN_CLIP).is_file() and _read(folder, CONFIG).get("architecture") == IMAGE_REWARD


def _has_weights(folder: Path) -> None:
    if not (folder / WEIGHTS).is_file():
        raise MissingError(
            f"{folder} holds no {WEIGHTS}; pickle files are refused, because reading one runs whatever code is in it.",
            expected=f"{WEIGHTS} beside {CONFIG}",
            do="convert a pickled file once, by hand: `python -m harness.score.convert --help` says how",
        )


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        told = f"{type(error).__name__}: {str(error)[:200]}"
        raise MissingError(
            f"The scorer in {folder} cannot be loaded: {told}.",
            expected=f"{name} with safetensors weights beside it",
            do="check the scorer's place",
        ) from error
    return _object(content)


def _object(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}


def _other_form(folder: Path, expected: str) -> MissingError:
    return MissingError(
        f"{folder / CONFIG} describes another network.", expected=expected, do="check the scorer's place"
    )


def _refuse_tokenizer_kwargs(folder: Path) -> None:
    asked = text_config(folder).get("tokenizer_kwargs") or {}
    known = _object(asked)
    odd = [name for name, value in known.items() if not isinstance(value, TOKENIZER_KWARGS.get(name, ()))]
    if odd or (known is not asked and asked):
        told = ", ".join(sorted(odd)) or repr(asked)
        raise MissingError(
            f"The scorer in {folder} asks for tokenizer_kwargs that are not taken: {told}; with some of them "
            "a library would run code that stands in the folder.",
            expected=f"no other tokenizer_kwargs in {OPEN_CLIP} than {', '.join(TOKENIZER_KWARGS)}",
            do="take the scorer from a source that you trust, or remove them by hand",
        )


def _opens_safetensors(folder: Path) -> bool:
    """Whether open_clip will choose a safetensors file: it prefers a pickle to one of another name than its own."""
    if any((folder / f"{name}.safetensors").is_file() for name in ("open_clip_model", "open_clip_pytorch_model")):
        return True
    return any(folder.glob("*.safetensors")) and not any((*folder.glob("*.bin"), *folder.glob("*.pth")))


_CHECKS: dict[Network, Callable[[Path], None]] = {
    "open_clip": check_open_clip,
    "extractor": _extractor,
    "judge": check_attribute_net,
    "perceptual": _perceptual,
    "preference": _preference,
}

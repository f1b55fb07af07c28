"""Where a model's parts lie, and whether a folder holds what its pipeline needs. Reads no weights, imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import harness
from harness.catalog.models import PIPELINES
from harness.catalog.types import ModelRow, PartName, Place, Version
from harness.errors import MissingError, UsageError

_PRIOR = ("prior", "image_encoder", "text_encoder", "tokenizer", "scheduler", "image_processor")
_DECODER: dict[Version, tuple[str, ...]] = {
    "2.1": ("text_encoder", "tokenizer", "unet", "scheduler", "movq"),
    "2.2": ("unet", "scheduler", "movq"),
    "3": ("tokenizer", "text_encoder", "unet", "scheduler", "movq"),
}
WEIGHTED = {"prior", "image_encoder", "text_encoder", "unet", "movq"}
_PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")
_LIBRARIES = {"diffusers", "transformers"}
_MULTILINGUAL = ["kandinsky", "MultilingualCLIP"]  # of diffusers itself, which names it by its own folder


def components(part: PartName, version: Version) -> tuple[str, ...]:
    """What the folder of a part must hold; every decoder of a version holds the same."""
    return _PRIOR if part == "prior" else _DECODER[version]


def pipeline_class(part: PartName, version: Version) -> str:
    """The class that a part is usually saved from."""
    return PIPELINES[version][part][0]


def local_folder(place: Place) -> Path | None:
    """The folder of a part on this machine; ``None`` for a hub's repository."""
    if place.kind == "hub":
        return None
    return Path(harness.__file__).parent / place.where if place.kind == "package" else Path(place.where)


def check_model(model: ModelRow, parts: Iterable[PartName]) -> None:
    """Check those of a model's ``parts`` that lie in folders; what is on the hub is checked when it is loaded.

    Raises:
        MissingError: a folder or components are missing, or weights are there as pickle files only.
        UsageError: a component would be loaded by code other than diffusers' or transformers'.
    """
    for part in parts:
        folder = local_folder(model.parts[part])
        if folder is not None:
            check_part(folder, part, model.version)


def check_part(folder: Path, part: PartName, version: Version) -> None:
    """Check that ``folder`` holds a whole part, as ``save_pretrained`` writes it; raises as above."""
    index = _index(folder, part, version)
    wanted = components(part, version)
    missing = [name for name in wanted if name not in index or not (folder / name).is_dir()]
    if missing:
        raise MissingError(
            f"The {part} in {folder} lacks {', '.join(missing)}.",
            expected=f"a folder for each of {', '.join(wanted)}, named in model_index.json",
            do="save the whole pipeline with `save_pretrained`, or download the repository again",
        )
    for name in wanted:
        _refuse_foreign(folder, name, index[name])
    _require_safetensors(folder, part, version)


def _index(folder: Path, part: PartName, version: Version) -> dict[str, object]:
    name = pipeline_class(part, version)
    expected = f"a {name} in the form that diffusers' `save_pretrained` writes, with model_index.json"
    if not folder.is_dir():
        raise MissingError(
            f"There is no {part} folder {folder}.", expected=expected, do="check the model's path in the spec"
        )
    try:
        found = json.loads((folder / "model_index.json").read_text())
    except (OSError, ValueError) as error:
        raise MissingError(
            f"{folder} has no readable model_index.json ({type(error).__name__}).",
            expected=expected,
            do="name the folder that holds model_index.json; a single-file checkpoint must be converted first",
        ) from error
    return dict(found) if isinstance(found, dict) else {}


def _refuse_foreign(folder: Path, name: str, entry: object) -> None:
    library = entry[0] if isinstance(entry, list) and entry else entry
    if library in _LIBRARIES or (name == "text_encoder" and entry == _MULTILINGUAL):
        return
    raise UsageError(
        f"{folder / 'model_index.json'} wants {name} loaded by {library!r}; the harness runs no foreign code.",
        expected=f"classes of {' or '.join(sorted(_LIBRARIES))} only",
        do="use a model saved with the libraries' own classes",
    )


def _require_safetensors(folder: Path, part: PartName, version: Version) -> None:
    weighted = [name for name in components(part, version) if name in WEIGHTED]
    bare = [name for name in weighted if not any((folder / name).glob("*.safetensors"))]
    if not bare:
        return
    pickled = [name for name in bare if any(any((folder / name).glob(pattern)) for pattern in _PICKLES)]
    if pickled:
        raise pickle_only(str(folder), part, version, ", ".join(pickled))
    raise MissingError(
        f"The {part} in {folder} has no weights for {', '.join(bare)}.",
        expected="a *.safetensors file in each of these folders",
        do="download or save the model again",
    )


def pickle_only(where: str, part: PartName, version: Version, which: str) -> MissingError:
    """The refusal of weights that exist as pickle files only, with the way to convert them."""
    name = pipeline_class(part, version)
    return MissingError(
        f"The {part} in {where} has its weights as pickle files only ({which}). "
        "Reading a pickle runs whatever code is in it, so the harness refuses.",
        expected="*.safetensors files",
        do="if you trust whoever made them, convert them once, by hand:\n"
        f"  from diffusers import {name}\n"
        f'  {name}.from_pretrained({where!r}).save_pretrained("./converted-{part}", safe_serialization=True)\n'
        f"then name ./converted-{part} as the model's {part} in the spec",
    )

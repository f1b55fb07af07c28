"""Where a model's parts lie, and whether a folder holds what its pipeline needs. Reads no weights, imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import harness
from harness.catalog.types import ModelRow, Place
from harness.errors import MissingError, UsageError

PartName = Literal["prior", "decoder"]

PIPELINE_CLASS: dict[PartName, str] = {"prior": "KandinskyV22PriorPipeline", "decoder": "KandinskyV22Pipeline"}
COMPONENTS: dict[PartName, tuple[str, ...]] = {
    "prior": ("prior", "image_encoder", "text_encoder", "tokenizer", "scheduler", "image_processor"),
    "decoder": ("unet", "scheduler", "movq"),
}
DDPM_FOLDER = "ddpm_scheduler"  # beside a decoder's own scheduler, as diffusers' guide loads it
_WEIGHTED = {"prior", "image_encoder", "text_encoder", "unet", "movq"}
_PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")
_LIBRARIES = {"diffusers", "transformers"}


def local_folder(place: Place) -> Path | None:
    """The folder of a part on this machine; ``None`` for a hub's repository."""
    if place.kind == "hub":
        return None
    return Path(harness.__file__).parent / place.where if place.kind == "package" else Path(place.where)


def check_model(model: ModelRow) -> None:
    """Check the parts of a model that lie in folders; what is on the hub is checked when it is loaded.

    Raises:
        MissingError: a folder or components are missing, or weights are there as pickle files only.
        UsageError: a component would be loaded by code other than diffusers' or transformers'.
    """
    for part, place in (("prior", model.prior), ("decoder", model.decoder)):
        folder = local_folder(place)
        if folder is not None:
            check_part(folder, part)  # type: ignore[arg-type]  # the two literals above


def check_part(folder: Path, part: PartName) -> None:
    """Check that ``folder`` holds a whole prior or decoder, as ``save_pretrained`` writes it; raises as above."""
    index = _index(folder, part)
    missing = [name for name in COMPONENTS[part] if name not in index or not (folder / name).is_dir()]
    if missing:
        raise MissingError(
            f"The {part} in {folder} lacks {', '.join(missing)}.",
            expected=f"a folder for each of {', '.join(COMPONENTS[part])}, named in model_index.json",
            do="save the whole pipeline with `save_pretrained`, or download the repository again",
        )
    _refuse_foreign(folder, part, index)
    _require_safetensors(folder, part)


def _index(folder: Path, part: PartName) -> dict[str, object]:
    expected = f"a {PIPELINE_CLASS[part]} in the form that diffusers' `save_pretrained` writes, with model_index.json"
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


def _refuse_foreign(folder: Path, part: PartName, index: dict[str, object]) -> None:
    for name in COMPONENTS[part]:
        entry = index[name]
        library = entry[0] if isinstance(entry, list) and entry else entry
        if library not in _LIBRARIES:
            raise UsageError(
                f"{folder / 'model_index.json'} wants {name} loaded by {library!r}; the harness runs no foreign code.",
                expected=f"classes of {' or '.join(sorted(_LIBRARIES))} only",
                do="use a model saved with the libraries' own classes",
            )


def _require_safetensors(folder: Path, part: PartName) -> None:
    bare = [n for n in COMPONENTS[part] if n in _WEIGHTED and not any((folder / n).glob("*.safetensors"))]
    if not bare:
        return
    pickled = [name for name in bare if any(any((folder / name).glob(pattern)) for pattern in _PICKLES)]
    if pickled:
        raise pickle_only(str(folder), part, ", ".join(pickled))
    raise MissingError(
        f"The {part} in {folder} has no weights for {', '.join(bare)}.",
        expected="a *.safetensors file in each of these folders",
        do="download or save the model again",
    )


def pickle_only(where: str, part: PartName, components: str) -> MissingError:
    """The refusal of weights that exist as pickle files only, with the way to convert them."""
    return MissingError(
        f"The {part} in {where} has its weights as pickle files only ({components}). "
        "Reading a pickle runs whatever code is in it, so the harness refuses.",
        expected="*.safetensors files",
        do="if you trust whoever made them, convert them once, by hand:\n"
        f"  from diffusers import {PIPELINE_CLASS[part]}\n"
        f"  {PIPELINE_CLASS[part]}.from_pretrained({where!r})"
        f'.save_pretrained("./converted-{part}", safe_serialization=True)\n'
        f"then name ./converted-{part} as the model's {part} in the spec",
    )

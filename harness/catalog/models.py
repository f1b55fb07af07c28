"""The models: the shipped miniature, the hub's and local folders are rows of one kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from harness.catalog.types import ModelRow, PartName, Place, Version

PARTS: tuple[PartName, ...] = get_args(PartName)
_SHIPPED = "miniature/weights"
#: the classes that a folder may name: loaders take from it what the task needs
PIPELINES: dict[Version, dict[PartName, tuple[str, ...]]] = {
    "2.1": {
        "decoder": ("KandinskyPipeline", "KandinskyImg2ImgPipeline", "KandinskyCombinedPipeline"),
        "prior": ("KandinskyPriorPipeline",),
        "inpaint": ("KandinskyInpaintPipeline", "KandinskyInpaintCombinedPipeline"),
    },
    "2.2": {
        "decoder": ("KandinskyV22Pipeline", "KandinskyV22Img2ImgPipeline", "KandinskyV22CombinedPipeline"),
        "prior": ("KandinskyV22PriorPipeline", "KandinskyV22PriorEmb2EmbPipeline"),
        "inpaint": ("KandinskyV22InpaintPipeline", "KandinskyV22InpaintCombinedPipeline"),
        "controlnet": ("KandinskyV22ControlnetPipeline", "KandinskyV22ControlnetImg2ImgPipeline"),
    },
    "3": {"decoder": ("Kandinsky3Pipeline", "Kandinsky3Img2ImgPipeline")},
}


def _mini(version: Version, *parts: PartName) -> ModelRow:
    return ModelRow(
        name=f"mini-{version}",
        version=version,
        parts={part: Place(kind="package", where=f"{_SHIPPED}/mini-{version}/{part}") for part in parts},
        size_multiple=64,
        default_size=(64, 64),
        default_dtype="float32",
        scorer="mini-scorer",
        extractor="mini-extractor",
        judge="mini-judge",
        depth="mini-depth",
        small=True,
        default_schedulers=dict.fromkeys((p for p in parts if p != "prior"), _OWN[version]),
        notes="trained on a world of captioned shapes; see docs/miniature.md",
    )


def _real(version: Version, size: int, variant: str | None = None, **repositories: str) -> ModelRow:
    places = {
        part: Place(kind="hub", where=f"kandinsky-community/{name}", variant=variant)
        for part, name in repositories.items()
    }
    return ModelRow(
        name=f"kandinsky-{version}",
        version=version,
        parts=places,
        size_multiple=64,
        default_size=(size, size),
        default_dtype="float16",
        scorer="ViT-B-32-laion2b",
        depth="dpt-large",
        notes="revisions are resolved at first download and written into the run's record",
    )


_OWN: dict[Version, str] = {"2.1": "DDIMScheduler", "2.2": "DDIMScheduler", "3": "DDPMScheduler"}

MODELS: dict[str, ModelRow] = {
    row.name: row
    for row in (
        _mini("2.2", "decoder", "prior", "inpaint", "controlnet"),
        _mini("2.1", "decoder", "prior", "inpaint"),
        _mini("3", "decoder"),
        _real("2.2", 512, decoder="kandinsky-2-2-decoder", prior="kandinsky-2-2-prior",
              inpaint="kandinsky-2-2-decoder-inpaint", controlnet="kandinsky-2-2-controlnet-depth"),
        _real("2.1", 512, decoder="kandinsky-2-1", prior="kandinsky-2-1-prior", inpaint="kandinsky-2-1-inpaint"),
        _real("3", 1024, variant="fp16", decoder="kandinsky-3"),
    )
}  # fmt: skip


def local_model(value: str | dict[str, str], base: Path) -> ModelRow:
    """A model from folders: a string is one folder with ``decoder/`` and the like, a mapping names each part.

    A part of a mapping may be a catalog name: that model's part is taken. The version is what the folders say.

    Raises:
        FileNotFoundError: a folder is not there; the message is the path.
        ValueError: a folder is no part of a Kandinsky, or parts of two versions; the message says which and what it is.
    """
    places = _parts_below(_folder(value, base)) if isinstance(value, str) else _parts_named(value, base)
    version = _version(places)
    like = MODELS[f"{'mini' if any(map(_is_small, places.values())) else 'kandinsky'}-{version}"]
    name = value if isinstance(value, str) else ", ".join(f"{part} {value[part]}" for part in PARTS if part in value)
    sizes = [size for place in places.values() if (size := _own_size(place)) is not None]
    return like.model_copy(
        update={
            "name": name,
            "parts": places,
            "default_schedulers": {part: own for part, place in places.items() if (own := _own_scheduler(place))},
            "default_size": sizes[0] if sizes else like.default_size,
            "notes": "",
        }
    )


def _parts_below(folder: Path) -> dict[PartName, Place]:
    """A folder's own parts: those of its subfolders that bear a part's name; a decoder must be among them."""
    found: dict[PartName, Place] = {
        part: Place(kind="folder", where=str(folder / part)) for part in PARTS if (folder / part).is_dir()
    }
    if not any(part != "prior" for part in found):
        raise FileNotFoundError(str(folder / "decoder"))
    return found


def _parts_named(value: dict[str, str], base: Path) -> dict[PartName, Place]:
    return {part: _part(value[part], part, base) for part in PARTS if part in value}


def _part(value: str, part: PartName, base: Path) -> Place:
    if value not in MODELS:
        return Place(kind="folder", where=str(_folder(value, base)))
    if part not in MODELS[value].parts:
        raise ValueError(f"{value} has no {part}")
    return MODELS[value].parts[part]


def _folder(value: str, base: Path) -> Path:
    try:
        folder = (base / Path(value).expanduser()).resolve()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links, the home of nobody
        raise FileNotFoundError(value) from error
    if not there:
        raise FileNotFoundError(str(folder))
    return folder


def _version(places: dict[PartName, Place]) -> Version:
    """The one version that all parts belong to."""
    found = {part: _version_of(place, part) for part, place in places.items()}
    if len(set(found.values())) > 1:
        told = ", ".join(f"the {part} is a {version}'s" for part, version in found.items())
        raise ValueError(f"parts of two versions do not go together: {told}")
    return next(iter(found.values()))


def _version_of(place: Place, part: PartName) -> Version:
    known = next((row.version for row in MODELS.values() if row.parts.get(part) == place), None)
    if known is not None:
        return known
    found = _index(place, "model_index.json").get("_class_name")
    if found is None:
        raise ValueError(f"{place.where} holds no diffusers pipeline (no model_index.json)")
    for version, parts in PIPELINES.items():
        if found in parts.get(part, ()):
            return version
    raise ValueError(f"{place.where} holds {found}, which is no {part} of a Kandinsky")


def _index(place: Place, name: str) -> dict[str, Any]:
    """A small JSON file of a model's folder; empty where it is absent."""
    try:
        content = json.loads((Path(place.where) / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{place.where} has a {name} that cannot be read ({error})") from error
    return content if isinstance(content, dict) else {}


def _own_scheduler(place: Place) -> str | None:
    """The class that a decoder's folder names for its scheduler, where it says so."""
    known = next((row.default_schedulers.get(part) for row in MODELS.values() for part in row.parts
                  if row.parts[part] == place), None)  # fmt: skip
    name = known or _index(place, "scheduler/scheduler_config.json").get("_class_name")
    return name if isinstance(name, str) else None


def _is_small(place: Place) -> bool:
    return place.kind == "package" or _own_size(place) is not None


def _own_size(place: Place) -> tuple[int, int] | None:
    """The size of a small decoder, from its number of channels and the side of its latents; ``None`` for a full one."""
    if place.kind != "folder":
        return None
    config = _index(place, "unet/config.json")
    side, widths = config.get("sample_size"), config.get("block_out_channels")
    if isinstance(side, int) and side < 64:
        return side * 8, side * 8
    narrow = isinstance(widths, list) and widths and max(widths) < 256  # 3's configuration says nothing of a size
    return (64, 64) if narrow and not isinstance(side, int) else None

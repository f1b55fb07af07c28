"""The models: the shipped miniature, the hub's and local folders are rows of one kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.catalog.types import ModelRow, Place

PARTS = ("decoder", "prior")
_SHIPPED = "miniature/weights/mini-2.2"
#: the classes that a folder may name: loaders take from it what the task needs
_PIPELINES = {
    "decoder": ("KandinskyV22Pipeline", "KandinskyV22Img2ImgPipeline", "KandinskyV22CombinedPipeline"),
    "prior": ("KandinskyV22PriorPipeline", "KandinskyV22PriorEmb2EmbPipeline"),
}

MODELS: dict[str, ModelRow] = {
    row.name: row
    for row in (
        ModelRow(name="mini-2.2", version="2.2",
                 decoder=Place(kind="package", where=f"{_SHIPPED}/decoder"),
                 prior=Place(kind="package", where=f"{_SHIPPED}/prior"),
                 tasks=("text-to-image",), size_multiple=64, default_size=(64, 64), default_dtype="float32",
                 default_metrics=("clip_score", "frechet", "world_truth"),
                 scorer="mini-scorer", extractor="mini-extractor", judge="mini-judge",
                 default_scheduler="DDIMScheduler",
                 notes="trained on a world of captioned shapes; see docs/miniature.md"),
        ModelRow(name="kandinsky-2.2", version="2.2",
                 decoder=Place(kind="hub", where="kandinsky-community/kandinsky-2-2-decoder"),
                 prior=Place(kind="hub", where="kandinsky-community/kandinsky-2-2-prior"),
                 tasks=("text-to-image",), size_multiple=64, default_size=(512, 512), default_dtype="float16",
                 default_metrics=("clip_score",), scorer="ViT-B-32-laion2b",
                 notes="revisions are resolved at first download and written into the run's record"),
    )
}  # fmt: skip


def local_model(value: str | dict[str, str], base: Path) -> ModelRow:
    """A model from folders: a string is one folder with ``prior/`` and ``decoder/``, a pair names each part.

    A part of a pair may be a catalog name: that model's part is taken.

    Raises:
        FileNotFoundError: a folder is not there; the message is the path.
        ValueError: a folder is no Kandinsky 2.2 part; the message says which and what it is instead.
    """
    if isinstance(value, str):
        folder = _folder(value, base)
        pair = {part: str(folder / part) for part in PARTS}
    else:
        pair = value
    decoder, prior = _part(pair["decoder"], "decoder", base), _part(pair["prior"], "prior", base)
    for place in (decoder, prior):
        _check(place, _PIPELINES["decoder" if place is decoder else "prior"])
    like = MODELS["mini-2.2" if _is_miniature(decoder) else "kandinsky-2.2"]
    name = value if isinstance(value, str) else f"{pair['decoder']} with {pair['prior']}"
    return like.model_copy(
        update={
            "name": name,
            "decoder": decoder,
            "prior": prior,
            "default_scheduler": _own_scheduler(decoder) if decoder.kind == "folder" else like.default_scheduler,
            "default_size": _own_size(decoder) or like.default_size,
            "notes": "",
        }
    )


def _part(value: str, part: str, base: Path) -> Place:
    if value in MODELS:
        place: Place = getattr(MODELS[value], part)
        return place
    return Place(kind="folder", where=str(_folder(value, base)))


def _folder(value: str, base: Path) -> Path:
    try:
        folder = (base / Path(value).expanduser()).resolve()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links, the home of nobody
        raise FileNotFoundError(value) from error
    if not there:
        raise FileNotFoundError(str(folder))
    return folder


def _index(place: Place, name: str) -> dict[str, Any]:
    """A small JSON file of a model's folder; empty where it is absent."""
    try:
        content = json.loads((Path(place.where) / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{place.where} has a {name} that cannot be read ({error})") from error
    return content if isinstance(content, dict) else {}


def _check(place: Place, pipelines: tuple[str, ...]) -> None:
    if place.kind != "folder":
        return
    found = _index(place, "model_index.json").get("_class_name")
    if found is None:
        raise ValueError(f"{place.where} holds no diffusers pipeline (no model_index.json)")
    if found not in pipelines:
        raise ValueError(f"{place.where} holds {found}")


def _own_scheduler(place: Place) -> str | None:
    """The class that the decoder's folder names for its scheduler, where it says so."""
    name = _index(place, "scheduler/scheduler_config.json").get("_class_name")
    return name if isinstance(name, str) else None


def _is_miniature(place: Place) -> bool:
    return place.where == MODELS["mini-2.2"].decoder.where or _own_size(place) is not None


def _own_size(place: Place) -> tuple[int, int] | None:
    """The size of a small decoder, from the side of its latents; ``None`` for one of full size."""
    if place.kind != "folder":
        return None
    side = _index(place, "unet/config.json").get("sample_size")
    return (side * 8, side * 8) if isinstance(side, int) and side < 64 else None

"""What a plan needs that lies somewhere: the models' parts and the metrics' weights, and which of it is not here."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.sizes import download_bytes
from harness.catalog.types import Network, PartName, Place, Version
from harness.catalog.weights import weights_row
from harness.pipelines.places import components, local_folder
from harness.plan.types import Plan
from harness.run.survey import needed_parts, scorers_of

_KINDS: dict[Network, str] = {"open_clip": "scorer", "extractor": "extractor", "judge": "judge", "depth": "estimator"}
_WEIGHTLESS = {"tokenizer", "scheduler", "image_processor"}
_SHARD = re.compile(r"-\d{5}-of-\d{5}")


@dataclass(frozen=True)
class Need:
    """One thing that must be on the machine: its name for people, and where it comes from.

    ``part`` and ``version`` are those of a model's part; ``None`` for a scorer, an extractor or a depth estimator.
    """

    what: str
    place: Place
    part: PartName | None = None
    version: Version | None = None


@dataclass(frozen=True)
class Missing:
    """A need that is not on this machine, and about how many bytes it takes to bring it; ``None``: not known."""

    what: str
    place: Place
    bytes: int | None


def needed(plan: Plan) -> list[Need]:
    """Everything that the plan's cells load, each place once: parts of models first, then the metrics' weights."""
    parts = [
        Need(part, plan.models[name].parts[part], part, plan.models[name].version)
        for name, found in needed_parts(plan).items()
        for part in found
    ]
    rows = (weights_row(name, plan.weights) for name in sorted(scorers_of(plan)))
    scorers = [Need(_KINDS.get(row.kind, row.kind), row.place) for row in rows if row.place is not None]
    return list({need.place: need for need in (*parts, *scorers)}.values())


def missing(plan: Plan) -> list[Missing]:
    """What is not on this machine, seen without asking the hub and without reading weights."""
    return [Missing(need.what, need.place, download_bytes(need.place)) for need in needed(plan) if not _is_here(need)]


def missing_json(absent: Sequence[Missing]) -> list[dict[str, Any]]:
    """For machines."""
    return [{"what": one.what, **one.place.model_dump(mode="json"), "bytes": one.bytes} for one in absent]


def render_missing(absent: Sequence[Missing], spec: str) -> str:
    """For people: what `harness fetch` would bring, and how much it is; empty if nothing is missing."""
    if not absent:
        return ""
    there = [one for one in absent if one.place.kind == "hub"]
    lost = [one for one in absent if one.place.kind != "hub"]
    lines = [f"not on this machine yet: `harness fetch {spec}` brings it"] if there else []
    lines += [f"  {one.what}: {one.place.where} ({_size(one.bytes)})" for one in there]
    lines += ["not on this machine, and nothing brings it: name another, or install the harness again"] if lost else []
    lines += [f"  {one.what}: {one.place.where}" for one in lost]
    return "\n".join(lines)


def _size(count: int | None) -> str:
    return "of unknown size" if count is None else f"about {count / 1e9:.1f} GB"


def _is_here(need: Need) -> bool:
    folder = local_folder(need.place)
    if folder is not None:
        return folder.is_dir()
    snapshot = snapshot_of(need.place)
    return snapshot is not None and is_whole(snapshot, need)


def revision_of(place: Place, cache: Path | None = None) -> str | None:
    """The commit or name to ask for: the place's own, or the commit that was resolved at the first download."""
    reference = _cached(place, cache) / "refs" / "main"
    if place.revision is not None or not reference.is_file():
        return place.revision
    return reference.read_text().strip() or None


def snapshot_of(place: Place, cache: Path | None = None) -> Path | None:
    """The folder in the hub's cache that holds a repository's revision; ``None`` if there is none.

    ``cache``: another folder than the one that ``HF_HOME`` or ``HF_HUB_CACHE`` names.
    """
    revision = revision_of(place, cache)
    if revision is None:
        return None
    repository = _cached(place, cache)
    reference = repository / "refs" / revision
    folder = repository / "snapshots" / (reference.read_text().strip() if reference.is_file() else revision)
    return folder if folder.is_dir() else None


def _cached(place: Place, cache: Path | None) -> Path:
    from huggingface_hub import constants

    return (cache or Path(constants.HF_HUB_CACHE)) / ("models--" + place.where.replace("/", "--"))


def is_whole(snapshot: Path, need: Need) -> bool:
    """Whether a folder of the cache has every component that the need wants, and weights wherever it wants some."""
    if need.part is None or need.version is None:
        return _has_weights(snapshot, need.place.variant)
    wanted = [snapshot / name for name in components(need.part, need.version)]
    if not (snapshot / "model_index.json").is_file() or not all(any(folder.glob("*.json")) for folder in wanted):
        return False
    return all(_has_weights(folder, need.place.variant) for folder in wanted if folder.name not in _WEIGHTLESS)


def _has_weights(folder: Path, variant: str | None = None) -> bool:
    """Weights in one file, or in all the files that an index names: one of another variant may be here alone."""
    single = [path.name for path in folder.glob("*.safetensors") if _SHARD.search(path.name) is None]
    if any(name.count(".") == 1 or (variant is not None and f".{variant}." in name) for name in single):
        return True
    shards = [_shards(index) for index in folder.glob("*.safetensors.index*.json")]
    return any(names and all((folder / name).is_file() for name in names) for names in shards)


def _shards(index: Path) -> list[str]:
    """The files that an index of sharded weights names; none if it cannot be read."""
    try:
        content: Any = json.loads(index.read_text(encoding="utf-8"))
        return sorted(set(content["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []

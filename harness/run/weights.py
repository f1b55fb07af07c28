"""Whose weights: every model part and every scorer's weights, found on this machine and named by their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness.base import digest
from harness.catalog.own_metrics import PREFIX, own_metrics
from harness.catalog.types import ModelRow, PartName, Place, WeightsRow
from harness.errors import MissingError
from harness.hub import asking_the_hub
from harness.run.own_code import identity_of
from harness.score.folder_forms import STATISTICS, check_folder
from harness.store.digests import digest_folder
from harness.store.store import Store


@dataclass(frozen=True)
class Part:
    """One part: where it was asked for, the commit that a hub's name stood for, and the digest of its content."""

    place: Place | None
    digest: str


@dataclass(frozen=True)
class Weights:
    """The parts of a model (``prior``, ``decoder`` and so on) or the one part of a scorer (``weights``)."""

    parts: dict[str, Part]

    @property
    def digest(self) -> str:
        """The digest of the only part."""
        (part,) = self.parts.values()
        return part.digest

    def digests(self) -> dict[str, str]:
        """Part -> digest."""
        return {name: part.digest for name, part in self.parts.items()}

    def record(self) -> dict[str, Any]:
        """For a run's record."""
        return {
            name: {"place": p.place.where, "kind": p.place.kind, "revision": p.place.revision, "digest": p.digest}
            for name, p in self.parts.items()
            if p.place is not None
        }


def model_weights(
    store: Store, model: ModelRow, parts: Sequence[PartName], needed: Sequence[Place] = ()
) -> tuple[ModelRow, Weights]:
    """The model with its hub revisions resolved to commits, and the identity of the weights of some of its parts.

    ``needed`` are all the places of the run: a hub that does not answer is told with everything that is wanted of it.
    """
    found = {part: _part(store, part, model.parts[part], needed) for part in parts}
    places = model.parts | {part: known.place for part, known in found.items()}
    return model.model_copy(update={"parts": places}), Weights({str(part): known for part, known in found.items()})


def scorer_weights(store: Store, row: WeightsRow, needed: Sequence[Place] = ()) -> tuple[WeightsRow, Weights]:
    """The same for a scorer, an extractor or a judge.

    The digest of what needs no weights is that of its kind's name, and a plug-in's that of its code.
    """
    if row.kind == "own":
        own = own_metrics().found[row.name.removeprefix(PREFIX)]
        return row, Weights({"weights": Part(None, identity_of(own))})
    if row.place is None:
        return row, Weights({"weights": Part(None, digest(row.kind))})
    part = _part(store, "scorer", row.place, needed)
    if row.place.kind == "folder":
        check_folder(row.kind, folder_of(row.place))
    return row.model_copy(update={"place": part.place}), Weights({"weights": part})


def _part(store: Store, what: str, place: Place, needed: Sequence[Place]) -> Part:
    """A repository's commit stands for its content; which of its files are loaded, the variant says."""
    if place.kind == "hub":
        commit = _commit(what, place, needed)
        return Part(place.model_copy(update={"revision": commit}), "+".join(filter(None, (commit, place.variant))))
    folder = folder_of(place)
    if not folder.is_dir():
        raise MissingError(
            f"There is no model folder {place.where}.",
            expected="a folder in the form that diffusers' `save_pretrained` writes",
            do="check the path in the spec; a relative one starts at the spec's folder",
        )
    return Part(place, digest_folder(folder, store))


def folder_of(place: Place) -> Path:
    """The folder of a part that is not the hub's."""
    return Path(harness.__file__).parent / place.where if place.kind == "package" else Path(place.where)


def shipped_statistics(place: Place | None) -> Path | None:
    """The reference statistics that lie beside weights on this machine."""
    if place is None or place.kind == "hub":
        return None
    file = folder_of(place) / STATISTICS
    return file if file.is_file() else None


def _commit(what: str, place: Place, needed: Sequence[Place]) -> str:
    """The commit that the hub (or, offline, its cache on this machine) gives for a repository's revision."""
    from huggingface_hub import HfApi, constants

    cached = Path(constants.HF_HUB_CACHE) / ("models--" + place.where.replace("/", "--"))
    revision = place.revision or "main"
    reference = cached / "refs" / revision
    if reference.is_file():
        return reference.read_text().strip()
    if (cached / "snapshots" / revision).is_dir():
        return revision
    with asking_the_hub(what, place, needed):
        return str(HfApi().model_info(place.where, revision=place.revision, timeout=10.0).sha)

"""Whose weights: every model part and every scorer's weights, found on this machine and named by their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness.catalog.types import ModelRow, Place, WeightsRow
from harness.errors import MissingError
from harness.store.digests import digest_folder
from harness.store.store import Store


@dataclass(frozen=True)
class Part:
    """One part: where it was asked for, the commit that a hub's name stood for, and the digest of its content."""

    place: Place
    digest: str


@dataclass(frozen=True)
class Weights:
    """The parts of a model (``prior``, ``decoder``) or the one part of a scorer (``weights``)."""

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
        }


def model_weights(store: Store, model: ModelRow) -> tuple[ModelRow, Weights]:
    """The model with its hub revisions resolved to commits, and the identity of its weights."""
    prior, decoder = _part(store, model.prior), _part(store, model.decoder)
    resolved = model.model_copy(update={"prior": prior.place, "decoder": decoder.place})
    return resolved, Weights({"prior": prior, "decoder": decoder})


def scorer_weights(store: Store, row: WeightsRow) -> tuple[WeightsRow, Weights]:
    """The same for a scorer, an extractor or a judge."""
    part = _part(store, row.place)
    return row.model_copy(update={"place": part.place}), Weights({"weights": part})


def _part(store: Store, place: Place) -> Part:
    if place.kind == "hub":
        commit = _commit(place)
        return Part(place.model_copy(update={"revision": commit}), commit)
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


def _commit(place: Place) -> str:
    """The commit that the hub (or, offline, its cache on this machine) gives for a repository's revision."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    cached = Path(constants.HF_HUB_CACHE) / ("models--" + place.where.replace("/", "--"))
    revision = place.revision or "main"
    reference = cached / "refs" / revision
    if reference.is_file():
        return reference.read_text().strip()
    if (cached / "snapshots" / revision).is_dir():
        return revision
    try:
        info = HfApi().model_info(place.where, revision=place.revision, timeout=10.0)
    except (HfHubHTTPError, OSError) as error:
        raise _unreachable(place, error) from error
    return str(info.sha)


def _unreachable(place: Place, error: Exception) -> MissingError:
    return MissingError(
        f"{place.where} is not on this machine, and the hub did not give it "
        f"({type(error).__name__}: {str(error).splitlines()[0][:160]}).",
        expected="the model in the Hugging Face cache (HF_HOME), or a hub within reach (HF_TOKEN for a gated one)",
        do="on a machine with a network, download it (`hf download " + place.where + "`) and bring HF_HOME here, or "
        "name a local folder in the spec; `harness run quickstart` needs neither",
    )

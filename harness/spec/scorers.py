"""Whose weights a spec wants its pictures scored with: a name of the catalog, a folder, or a hub's repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.catalog.types import ModelRow, Network, Place, WeightsRow
from harness.catalog.weights import WEIGHTS
from harness.spec.reader import BAD, Reader, nearest, one_of, shown
from harness.spec.source import Path_

Scorers = dict[Network, WeightsRow]
#: What may be named, and how pictures are brought to weights that the catalog does not know
NETWORKS: dict[Network, str] = {
    "open_clip": "open_clip's own, as its configuration says",
    "extractor": "as its configuration says",
    "perceptual": "none: pictures at their own size",
    "preference": "CLIP's own, as its configuration says",
}
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[\w./-]{1,100}")
_EXPECTED = "a name of the catalog, a folder, {folder: PATH}, or {hub: OWNER/NAME, revision: COMMIT}"


def scorers_of(reader: Reader, value: Any) -> Scorers:
    """Network → the weights that stand in for each model's own."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not value:
        reader.bad(("scorers",), f"{shown(value)} names no scorers", "such as {open_clip: ViT-B-32-laion2b}")
        return {}
    found: Scorers = {}
    for network, named in value.items():
        if network not in NETWORKS:
            reader.bad(("scorers", network), "no such network", one_of(NETWORKS), nearest(network, NETWORKS))
            continue
        row = _row(reader, network, named, ("scorers", network))
        if row is not BAD:
            found[network] = row
    return _called_apart(found)


def _called_apart(found: Scorers) -> Scorers:
    """Weights are known by their names: two folders of one name are called by their network too."""
    taken: set[str] = set()
    for network, row in found.items():
        name = row.name
        while name in taken:
            name += f"-{network}"
        taken.add(name)
        found[network] = row.model_copy(update={"name": name})
    return found


def with_scorers(models: dict[str, ModelRow], scorers: Scorers) -> dict[str, ModelRow]:
    """The models, scored with these."""
    named = {network: row.name for network, row in scorers.items()}
    return {name: row.model_copy(update={"scorers": named}) if named else row for name, row in models.items()}


def _row(reader: Reader, network: Network, named: Any, place: Path_) -> Any:
    if isinstance(named, str) and named in WEIGHTS:
        return _of_the_catalog(reader, network, WEIGHTS[named], place)
    if isinstance(named, str) and ("/" in named or named.startswith((".", "~")) or (reader.base / named).is_dir()):
        return _folder(reader, network, named, place)
    if isinstance(named, dict) and set(named) == {"folder"} and isinstance(named["folder"], str):
        return _folder(reader, network, named["folder"], place)
    if isinstance(named, dict) and "hub" in named and set(named) <= {"hub", "revision"}:
        return _hub(reader, network, named, place)
    of_its_kind = [name for name, row in WEIGHTS.items() if row.kind == network]
    return reader.bad(place, f"{shown(named)} will not do", f"{_EXPECTED}; {one_of(of_its_kind)}",
                      nearest(named, of_its_kind) if isinstance(named, str) else None)  # fmt: skip


def _of_the_catalog(reader: Reader, network: Network, row: WeightsRow, place: Path_) -> Any:
    if row.kind != network:
        return reader.bad(place, f"{row.name} is of another kind: {row.kind}", f"one of {network}")
    if row.closed:
        return reader.bad(place, f"{row.name} cannot be had as it stands: {row.closed}")
    return row


def _folder(reader: Reader, network: Network, named: str, place: Path_) -> Any:
    try:
        folder = (reader.base / reader.path(named)).resolve()
        there = folder.is_dir()
    except (OSError, RuntimeError):  # a name too long, a loop of links, the home of nobody
        folder, there = Path(named), False
    if not there:
        reader.source.fault(place, f"there is no folder {folder}", expected=_EXPECTED, missing=True)
        return BAD
    return _foreign(network, folder.name, Place(kind="folder", where=str(folder)))


def _hub(reader: Reader, network: Network, named: dict[str, Any], place: Path_) -> Any:
    name, revision = named["hub"], named.get("revision")
    if not isinstance(name, str) or _REPOSITORY.fullmatch(name) is None:
        return reader.bad((*place, "hub"), f"{shown(name)} is no repository", "OWNER/NAME")
    if revision is not None and (not isinstance(revision, str) or _COMMIT.fullmatch(revision) is None):
        return reader.bad((*place, "revision"), f"{shown(revision)} is no revision", "a commit, a branch or a tag")
    return _foreign(network, name.partition("/")[2], Place(kind="hub", where=name, revision=revision))


def _foreign(network: Network, name: str, place: Place) -> WeightsRow:
    """A row for weights that nobody here has verified; their content's digest will tell which they are."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", name) or "weights"
    return WeightsRow(name=f"{plain}-of-spec" if plain in WEIGHTS else plain, kind=network, place=place,
                      architecture="as its configuration says", embedding_dim=None, resize=NETWORKS[network],
                      verified=False)  # fmt: skip

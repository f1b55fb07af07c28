"""Bring what a plan needs from the hub, and verify it: for a node that will have no network."""

from __future__ import annotations

import glob
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.own_schedulers import DDPM_FOLDER
from harness.catalog.types import Place
from harness.errors import MissingError
from harness.hub import asking_the_hub
from harness.pipelines.places import check_model, local_folder, pickle_only
from harness.plan.types import Plan
from harness.run.survey import needed_parts
from harness.run.verify import File, Listing, cached_listing, damage
from harness.run.wanted import Need, is_whole, missing, needed, revision_of, snapshot_of

_DATA = (".safetensors", ".json", ".txt", ".model", ".jinja", ".md")  # never a pickle, never code
_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_ASK_S = 10.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """A need that is on this machine now.

    ``brought_bytes`` were downloaded just now; ``verified_by`` says what the files were compared with.
    """

    what: str
    place: Place  # its revision resolved
    asked: str | None  # the revision that the catalog or the spec gives
    files: int
    bytes: int
    brought_bytes: int
    verified_by: str


def fetch(plan: Plan, tell: Tell) -> list[Fetched]:
    """Bring everything that the plan needs; what is here already is only verified.

    A connection that breaks is taken up where it broke. A fetch that was killed keeps the files that were whole; the
    same command goes on with the next one.

    Raises:
        MissingError: a folder is not whole, the hub cannot be asked or lacks something, weights are pickled only, or a
            file is not what the hub says it is.
    """
    for name, parts in needed_parts(plan).items():
        check_model(plan.models[name], parts)
    wanted = needed(plan)
    for one in missing(plan):
        tell(f"missing: {one.what} {one.place.where}, {_size(one.bytes, 'about ')}")
    remote = [need for need in wanted if need.place.kind == "hub"]
    chosen = [(need, choose(need, look(need, [other.place for other in remote]))) for need in remote]
    _tell_how_much(chosen, tell)
    _be_quiet_unless_watched()
    return [_here(need) for need in wanted if need.place.kind != "hub"] + [bring(*one, tell) for one in chosen]


def look(need: Need, wanted: Sequence[Place] = ()) -> Listing:
    """The repository's files as the hub lists them; if it cannot be asked, as this machine's whole copy has them."""
    from huggingface_hub import HfApi

    place = need.place
    try:
        with asking_the_hub(need.what, place, wanted):
            info = HfApi().model_info(place.where, revision=revision_of(place), files_metadata=True, timeout=_ASK_S)
    except MissingError:
        kept = snapshot_of(place)
        if kept is None or not is_whole(kept, need):
            raise
        return cached_listing(kept)
    files = [File(s.rfilename, s.size, s.lfs.sha256 if s.lfs else None, s.blob_id) for s in info.siblings or ()]
    return Listing(str(info.sha), tuple(files), "the hub's sizes and checksums")


def choose(need: Need, listing: Listing) -> Listing:
    """The files to bring: data only; of a model's part its components, and the variant's weights or the plain ones.

    Raises:
        MissingError: a component's weights are there as pickle files only.
    """
    data = [file for file in listing.files if file.name.endswith(_DATA) and ".." not in file.name.split("/")]
    if need.part is None or need.version is None:
        if not any(file.name.endswith(".safetensors") for file in data):
            raise MissingError(
                f"{need.place.where} has no safetensors weights for the {need.what}; pickle files are refused.",
                expected="*.safetensors files",
                do="name another, or convert the weights once, by hand",
            )
        return listing.with_files(data)
    folders = _folders(need, listing)
    inside = [file for file in data if "/" not in file.name or file.name.partition("/")[0] in folders]
    weights = {file for file in inside if file.name.endswith(".safetensors")}
    picked = _of_variant(weights, need.place.variant)
    bare = _pickled_only(listing.files, picked, folders)
    if bare:
        raise pickle_only(need.place.where, need.part, need.version, ", ".join(bare))
    return listing.with_files([file for file in inside if file not in weights or file in picked])


def _folders(need: Need, listing: Listing) -> set[str]:
    """The components that the repository's model_index.json names, and beside them the scheduler of the guide."""
    with asking_the_hub(need.what, need.place):
        index = _file(need.place, listing.commit, "model_index.json")
        content: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
    return {name for name, entry in content.items() if isinstance(entry, list) and any(entry)} | {DDPM_FOLDER}


def _file(place: Place, commit: str, name: str) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(place.where, name, revision=commit))


def _of_variant(weights: Iterable[File], variant: str | None) -> set[File]:
    """In each folder the variant's weights, or the plain ones where it has none; those at the root are nobody's."""
    folders: dict[str, list[File]] = defaultdict(list)
    for file in weights:
        folder, slash, _ = file.name.rpartition("/")
        if slash:
            folders[folder].append(file)
    return {file for files in folders.values() for file in _best(files, variant)}


def _best(files: Sequence[File], variant: str | None) -> list[File]:
    """As diffusers names them: ``model.safetensors``, ``model.fp16.safetensors``, ``model.fp16-00001-of-00002…``."""
    marks = {file: re.split(r"[.-]", Path(file.name).name.removesuffix(".safetensors"))[1:] for file in files}
    own = [file for file in files if variant is not None and variant in marks[file]]
    return own or [file for file in files if "." not in Path(file.name).name.removesuffix(".safetensors")]


def _pickled_only(files: Iterable[File], picked: Iterable[File], folders: set[str]) -> list[str]:
    served = {file.name.partition("/")[0] for file in picked}
    pickled = {file.name.partition("/")[0] for file in files if "/" in file.name and file.name.endswith(_PICKLES)}
    return sorted((pickled & folders) - served)


def bring(need: Need, wanted: Listing, tell: Tell) -> Fetched:
    """Download what is not here of the files, then compare all of them with what they must be; a damaged one goes."""
    from huggingface_hub import snapshot_download

    place = need.place
    before = {file.name for file in _absent(place, wanted)}
    if before:
        patterns = [glob.escape(file.name) for file in wanted.files]
        with asking_the_hub(need.what, place):
            # The first time by the name that was asked for: the cache then remembers which commit it stood for.
            snapshot_download(place.where, revision=revision_of(place), allow_patterns=patterns)
    _refuse_damaged(place, wanted)
    sizes = {file.name: file.size or 0 for file in wanted.files}
    fetched = Fetched(
        what=need.what, place=place.model_copy(update={"revision": wanted.commit}), asked=place.revision,
        files=len(sizes), bytes=sum(sizes.values()), brought_bytes=sum(sizes[name] for name in before),
        verified_by=wanted.source,
    )  # fmt: skip
    tell(told(fetched))
    return fetched


def _absent(place: Place, wanted: Listing) -> list[File]:
    """The files that are not here, at the commit that the revision stands for."""
    folder = snapshot_of(place)
    here = folder if folder is not None and folder.name == wanted.commit else None
    return [file for file in wanted.files if here is None or not (here / file.name).is_file()]


def _refuse_damaged(place: Place, wanted: Listing) -> None:
    folder = snapshot_of(place)
    if folder is None or folder.name != wanted.commit:
        raise MissingError(
            f"{place.where} moved on while it was fetched: {wanted.commit[:12]} was listed, another commit came.",
            expected="one commit", do="run the same command again",
        )  # fmt: skip
    faults = {file.name: fault for file in wanted.files if (fault := damage(folder / file.name, file)) is not None}
    if not faults:
        return
    for name in faults:
        (folder / name).resolve().unlink(missing_ok=True)
        (folder / name).unlink(missing_ok=True)
    told_faults = "; ".join(f"{name} {fault}" for name, fault in faults.items())
    raise MissingError(
        f"{len(faults)} of {len(wanted.files)} files of {place.where} came damaged: {told_faults}.",
        expected=f"files that agree with {wanted.source}",
        do="they were removed from the cache; the same command downloads them again",
    )


def _here(need: Need) -> Fetched:
    """A folder of this machine or of the package: nothing to bring."""
    folder = local_folder(need.place)
    if folder is None or not folder.is_dir():
        raise MissingError(f"There is no folder {folder} of the {need.what}.", do="check its path in the spec")
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Fetched(need.what, need.place, None, len(sizes), sum(sizes), 0, "nothing: it is a folder here")


def _tell_how_much(chosen: Sequence[tuple[Need, Listing]], tell: Tell) -> None:
    absent = [file for need, listing in chosen for file in _absent(need.place, listing)]
    total = sum(file.size or 0 for _, listing in chosen for file in listing.files)
    lacking = sum(file.size or 0 for file in absent)
    tell(f"to bring: {len(absent)} files, {_size(lacking)}; here already: {_size(total - lacking)}")


def _be_quiet_unless_watched() -> None:
    """Progress bars are for a terminal."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()


def told(one: Fetched) -> str:
    """A line about it."""
    commit = f" at {one.place.revision[:12]}" if one.place.revision else ""
    resolved = " (no revision was asked for: this is today's)" if one.place.kind == "hub" and not one.asked else ""
    return (
        f"{one.what} {one.place.where}{commit}{resolved}: {one.files} files, {_size(one.bytes)}, "
        f"{_size(one.brought_bytes)} brought now; compared with {one.verified_by}"
    )


def fetched_json(found: Sequence[Fetched]) -> list[dict[str, Any]]:
    """For a program."""
    return [
        {"what": one.what, "place": one.place.model_dump(), "asked_revision": one.asked, "files": one.files,
         "bytes": one.bytes, "brought_bytes": one.brought_bytes, "verified_by": one.verified_by}
        for one in found
    ]  # fmt: skip


def _size(size: int | None, about: str = "") -> str:
    if size is None:
        return "size unknown"
    unit, name = next(((u, n) for u, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if size >= u), (1.0, "bytes"))
    return f"{about}{size / unit:.0f} {name}" if unit == 1 else f"{about}{size / unit:.2f} {name}"

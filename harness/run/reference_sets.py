"""A run's reference set, found on this machine and named by its content: nothing of it is computed here."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.base import digest
from harness.catalog.metrics import METRICS
from harness.errors import MissingError
from harness.plan.types import Plan, ReferenceSet
from harness.score.reference_set import MOST_PICTURES, content_digest, picture_files
from harness.score.statistics_file import load_reference
from harness.store.digests import digest_file
from harness.store.store import Store


@dataclass(frozen=True)
class KnownSet:
    """A spec's reference set on this machine. ``identity``: of its content, or of how the world's is drawn.

    ``content``: digest of a folder's pictures, which a worker must find again. ``not_taken``: how many other files are
    there, by their endings no pictures.
    """

    asked: ReferenceSet
    identity: str
    content: str | None = None
    not_taken: int = 0

    @property
    def has_pictures(self) -> bool:
        """Whether a worker computes its features: a file has its own."""
        return self.asked.kind != "file"


def find_set(store: Store, plan: Plan) -> KnownSet | None:
    """The plan's reference set, if it names one and something is held against it.

    Raises:
        MissingError: the folder or the file is gone, or holds nothing that can be used.
    """
    asked = plan.reference_set
    if asked is None or not any(METRICS[name].against_set for name in plan.metrics):
        return None
    if asked.kind == "world":
        return KnownSet(asked, _drawn_by(asked))
    assert asked.path is not None
    path = Path(asked.path)
    if asked.kind == "file":
        load_reference(path)  # what is wrong with it is told before anything is made
        return KnownSet(asked, digest_file(path))
    content = folder_content(path, store)
    return KnownSet(asked, content, content, picture_files(path)[1])


@dataclass(frozen=True)
class Look:
    """What a plan sees of a reference set. ``pictures``: that a worker would look at, 0 of a file.

    ``with_features``: of how many pictures there are features, or will be; ``None``: statistics alone. ``dimension``:
    of a file's numbers.
    """

    pictures: int
    with_features: int | None
    dimension: int | None = None


def look_into(asked: ReferenceSet) -> Look:
    """What there is of it.

    Raises:
        MissingError: what a run would refuse.
    """
    if asked.kind == "world":
        return Look(asked.count or 0, asked.count)
    assert asked.path is not None
    if asked.kind == "folder":
        count = len(_pictures_in(Path(asked.path)))
        return Look(count, count)
    return look_into_file(Path(asked.path))


def look_into_file(path: Path) -> Look:
    """Likewise, of a file with statistics or features.

    Raises:
        MissingError: what a run would refuse.
    """
    known = load_reference(path)
    return Look(0, None if known.features is None else len(known.features), known.dimension)


def _drawn_by(asked: ReferenceSet) -> str:
    """What the world's pixels follow from; numpy promises no stream of numbers from one version to the next."""
    package = Path(harness.__file__).parent / "catalog"
    sources = [digest_file(package / name) for name in ("drawing.py", "world.py")]
    return digest(["world", asked.count, asked.seed, sources, importlib.metadata.version("numpy")])


def folder_content(folder: Path, store: Store) -> str:
    """Digest of a folder's pictures, whatever their names; remembered while paths, sizes and times stay the same.

    Raises:
        MissingError: there is no folder, or fewer than two pictures, or far too many.
    """
    paths = _pictures_in(folder)
    about = [path.stat() for path in paths]
    marks = [[str(path), one.st_size, one.st_mtime_ns] for path, one in zip(paths, about, strict=True)]
    remembered_as = digest(["reference pictures", marks])
    remembered = store.find("digest", remembered_as)
    if remembered is not None:
        return remembered.decode()
    found = content_digest([digest_file(path) for path in paths])
    store.put("digest", remembered_as, found.encode())
    return found


def _pictures_in(folder: Path) -> list[Path]:
    paths, _ = picture_files(folder)
    if not 2 <= len(paths) <= MOST_PICTURES:
        raise MissingError(
            f"{folder} holds {len(paths)} pictures.",
            expected=f"a folder with two to {MOST_PICTURES:,} reference pictures",
            do="check `reference_set` in the spec",
        )
    return paths

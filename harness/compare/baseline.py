"""A run as one file: its records, its rows and every stored result that they name, each with its digest.

The digests tell a file that was damaged or changed in part. They are no signature: who writes a whole file anew writes
its digests too, so the file's own SHA-256 is told on export, and can be asked for on import.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from harness.base import Frozen
from harness.compare.outputs import put
from harness.errors import MissingError, StoreError, UsageError
from harness.report.view import load_view
from harness.store.atomic import write_atomic
from harness.store.blobs import STAGES
from harness.store.plain_zip import UNREADABLE, entry_sums, is_plain
from harness.store.references import references
from harness.store.store import Store, open_store

FORMAT, VERSION = "kandinsky-harness baseline", 1
_MANIFEST = "manifest.json"
_RECORD = re.compile(r"run/(?:run\.json|cells/[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.(?:json|parquet))")
_RESULT = re.compile(rf"stages/({'|'.join(STAGES)})/([0-9a-f]{{64}})")
_DAMAGED = "export it again, or bring it over again"


class Manifest(Frozen):
    """What the file holds: names of its entries -> SHA-256 of their content. ``absent``: results gone at export."""

    format: str
    version: int
    run_id: str
    files: dict[str, str]
    absent: list[str] = []


def export(store: Store, run_id: str, file: Path) -> str:
    """Write a run into one file; gives the file's SHA-256.

    Raises:
        HarnessError: the run cannot be read, or the file not written.
    """
    store.load_run(run_id)
    entries = _records(store, run_id)
    absent = []
    for stage, key in sorted(references(store.runs.folder(run_id))):
        data = store.find(stage, key)
        if data is None:
            absent.append(f"{stage}/{key}")
        else:
            entries[f"stages/{stage}/{key}"] = data
    files = {name: hashlib.sha256(data).hexdigest() for name, data in entries.items()}
    manifest = Manifest(format=FORMAT, version=VERSION, run_id=run_id, files=files, absent=absent)
    data = _zip({_MANIFEST: manifest.model_dump_json(indent=1).encode(), **entries})
    put(file, data, "FILE")
    return hashlib.sha256(data).hexdigest()


def refuse_holes(store: Store, run_id: str) -> None:
    """A baseline without a cell's pictures says nothing of that cell, to whatever is held against it.

    Raises:
        UsageError: a cell failed, or was not made.
    """
    holes = [cell for cell in load_view(store, run_id).records if cell.status != "done"]
    if holes:
        named = ", ".join(f"{cell.label} ({'failed' if cell.status == 'failed' else 'not made'})" for cell in holes)
        raise UsageError(
            f"{run_id} is no whole baseline: {named}.",
            expected="a run whose cells are all done: a gate knows nothing of the others",
            do="repeat its command, which makes what is missing; or export it as it is with --allow-failed",
        )


def sha256_of(file: Path) -> str:
    """A file's SHA-256, read piece by piece."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _records(store: Store, run_id: str) -> dict[str, bytes]:
    folder = store.runs.folder(run_id).path
    cells = [path for ending in ("json", "parquet") for path in sorted((folder / "cells").glob(f"*.{ending}"))]
    paths = [folder / "run.json", *cells]
    return {f"run/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


def _zip(entries: dict[str, bytes]) -> bytes:
    """Of one time and uncompressed (pictures are): the same run always gives the same bytes."""
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, data in entries.items():
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
        return out.getvalue()


def unpack(file: Path, folder: Path) -> tuple[Store, str]:
    """Check a baseline's file and lay it out as a store of its own in an empty folder.

    Entries go where their kind says, never to a path that the file names; all digests are checked, and every picture
    against the record that names it.

    Raises:
        MissingError: there is no such file.
        StoreError: it is no baseline, damaged, changed, or of a newer version.
    """
    manifest, entries = _read(file)
    store = open_store(folder)
    for name, data in entries.items():
        if stage := _RESULT.fullmatch(name):
            store.put(stage[1], stage[2], data)
        else:
            write_atomic(store.runs.folder(manifest.run_id).path / name.removeprefix("run/"), data)
    if store.load_run(manifest.run_id).run_id != manifest.run_id:
        raise _bad(file, "its record is of another run than it says")
    _check_pictures(file, store, manifest.run_id)
    return store, manifest.run_id


def import_(file: Path, store: Store, sha256: str | None = None) -> tuple[str, str]:
    """Bring a baseline's file into a store as a run. What is there already stays as it is.

    Args:
        file: what `baseline export` wrote.
        store: where the run goes.
        sha256: what `baseline export` said of the file; another one is refused before anything of it is read.

    Returns:
        The run's id, and the file's SHA-256.

    Raises:
        HarnessError: the file is bad or another one, or the store holds something else under the same name.
    """
    total = expected_sum(file, sha256)
    with TemporaryDirectory(prefix="harness-baseline-") as folder:
        made, run_id = unpack(file, Path(folder))
        _refuse_other(store, made, run_id)
        for stage, key in references(made.runs.folder(run_id)):
            data = made.find(stage, key)
            if data is not None and not store.has(stage, key):
                store.put(stage, key, data)
        target, source = store.runs.folder(run_id).path, made.runs.folder(run_id).path
        for name, data in _records(made, run_id).items():
            if name != "run/run.json":
                write_atomic(target / name.removeprefix("run/"), data)
        write_atomic(target / "run.json", (source / "run.json").read_bytes())  # last: before it there is no run
    return run_id, total


def expected_sum(file: Path, sha256: str | None) -> str:
    """The file's SHA-256, if it is the one that is expected or none is.

    Raises:
        HarnessError: there is no such file, or it is another one.
    """
    if not file.is_file():
        raise _none(file)
    total = sha256_of(file)
    if sha256 is not None and sha256.strip().lower() != total:
        raise StoreError(
            f"{file} is another file: its SHA-256 is {total}.",
            expected=f"{sha256}, as --sha256 gives it",
            do=f"{_DAMAGED}, or give the SHA-256 that `baseline export` said",
        )
    return total


def _refuse_other(store: Store, made: Store, run_id: str) -> None:
    """A store holds one run of a name and one set of pictures of a key: never two, and never silently the other."""
    if store.runs.folder(run_id).exists() and _records(store, run_id) != _records(made, run_id):
        raise StoreError(f"The store has another run {run_id}.", do="use another store with --store")
    for cell in made.load_cells(run_id):
        for batch in cell.batches:
            mine = store.find("images", batch.key)
            if mine is not None and entry_sums(mine) != batch.image_sha256:
                raise StoreError(
                    f"The store has other pictures of {cell.label} under the key {batch.key[:12]}….",
                    expected="the same pictures wherever the same key is made",
                    do="compare with the file itself, `harness compare FILE RUN`, or import into another store",
                )


def _read(file: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the entries that it names, their digests checked."""
    if not file.is_file():
        raise _none(file)
    try:
        with zipfile.ZipFile(file) as archive:
            return _entries(file, archive)
    except UNREADABLE as error:
        raise _bad(file, str(error) or type(error).__name__) from error


def _entries(file: Path, archive: zipfile.ZipFile) -> tuple[Manifest, dict[str, bytes]]:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(set(names)) != len(names) or not is_plain(archive, file.stat().st_size):
        raise _bad(file, "it names an entry twice, is compressed, or unpacks to more than it is")
    if _MANIFEST not in names:
        raise _bad(file, f"it has no {_MANIFEST}")
    manifest = _manifest(file, archive.read(_MANIFEST))
    strange = sorted(set(names) ^ {_MANIFEST, *manifest.files})
    if strange:
        raise _bad(file, f"{strange[0]!r} is in its list or among its entries, and not in both")
    entries = {}
    for name, expected in manifest.files.items():
        if not (_RECORD.fullmatch(name) or _RESULT.fullmatch(name)) or ".." in name:
            raise _bad(file, f"{name!r} is nothing that a baseline holds")
        entries[name] = archive.read(name)
        if hashlib.sha256(entries[name]).hexdigest() != expected:
            raise _bad(file, f"{name} is not what was exported")
    return manifest, entries


def _manifest(file: Path, data: bytes) -> Manifest:
    try:
        content: Any = json.loads(data)
    except ValueError as error:
        raise _bad(file, f"its {_MANIFEST} is no JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _bad(file, f"its {_MANIFEST} does not say that it is one")
    if content.get("version") != VERSION:
        raise StoreError(
            f"{file} is a baseline of version {content.get('version')}.",
            expected=f"version {VERSION}",
            do="update kandinsky-harness, or export it again with this version",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        raise _bad(file, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def _check_pictures(file: Path, store: Store, run_id: str) -> None:
    for cell in store.load_cells(run_id):
        store.image_rows(run_id, cell.cell_id)
        for batch in cell.batches:
            data = store.find("images", batch.key)
            if data is not None and entry_sums(data) != batch.image_sha256:
                raise _bad(file, f"pictures of {cell.label} are not those that its record names")


def _none(file: Path) -> MissingError:
    return MissingError(f"There is no file {file}.", do="`harness baseline export RUN FILE` writes one")


def _bad(file: Path, why: str) -> StoreError:
    return StoreError(f"{file} is no good baseline: {why}.", expected="a file of `baseline export`", do=_DAMAGED)

"""A run as one file: the same after a journey, and refused where anything in it is not what was exported."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.compare_runs import keep

from harness.compare import baseline
from harness.compare.baseline import export, import_, unpack
from harness.errors import MissingError, StoreError
from harness.store.check import check
from harness.store.store import Store, open_store

Entries = dict[str, bytes]


@pytest.fixture
def file(store: Store, tmp_path: Path) -> Path:
    """A baseline's file."""
    found = tmp_path / "baseline.zip"
    export(store, keep(store, "baseline", unlike=2), found)
    return found


def _entries(file: Path) -> Entries:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(file: Path, entries: Entries) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def _relisted(entries: Entries) -> Entries:
    """As a careful forger would: digests of the list follow."""
    manifest = json.loads(entries["manifest.json"])
    manifest["files"] = {n: hashlib.sha256(d).hexdigest() for n, d in entries.items() if n != "manifest.json"}
    return {**entries, "manifest.json": json.dumps(manifest).encode()}


def test_an_imported_run_is_the_exported_one(store: Store, file: Path, tmp_path: Path) -> None:
    other = open_store(tmp_path / "other")
    run_id, total = import_(file, other)
    assert total == hashlib.sha256(file.read_bytes()).hexdigest()
    assert other.run_ids() == [run_id] and other.load_run(run_id) == store.load_run(run_id)
    assert other.load_cells(run_id) == store.load_cells(run_id)
    for cell in store.load_cells(run_id):
        assert other.image_rows(run_id, cell.cell_id) == store.image_rows(run_id, cell.cell_id)
        for batch in cell.batches:
            assert other.get("images", batch.key) == store.get("images", batch.key)
    assert check(other).good


def test_the_same_run_always_gives_the_same_bytes(store: Store, file: Path, tmp_path: Path) -> None:
    told = export(store, store.run_ids()[0], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == file.read_bytes()
    assert told == hashlib.sha256(file.read_bytes()).hexdigest()


def test_importing_twice_changes_nothing(file: Path, tmp_path: Path) -> None:
    other = open_store(tmp_path / "other")
    assert import_(file, other) == import_(file, other) and len(other.run_ids()) == 1


def test_another_file_than_the_expected_one_is_refused_before_it_is_read(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, total = open_store(tmp_path / "other"), hashlib.sha256(file.read_bytes()).hexdigest()
    assert import_(file, other, total.upper()) == import_(file, other)
    monkeypatch.setattr(baseline, "unpack", lambda *_: pytest.fail("it was read"))
    with pytest.raises(StoreError, match="is another file") as caught:
        import_(file, other, "0" * 64)
    assert total in str(caught.value) and "--sha256" in str(caught.value)


def _changed(entries: Entries) -> Entries:
    name = next(name for name in entries if name.startswith("stages/images/"))
    return {**entries, name: entries[name][:-1] + b"x"}


def _without(entries: Entries) -> Entries:
    return {name: data for name, data in entries.items() if not name.endswith(".parquet")}


def _added(entries: Entries) -> Entries:
    return {**entries, "run/cells/more.json": b"{}"}


def _escaping(entries: Entries) -> Entries:
    return _relisted({**entries, "run/cells/../../../../escaped.json": b"{}"})


def _of_another_stage(entries: Entries) -> Entries:
    return _relisted({**entries, f"stages/pickles/{'a' * 64}": b"{}"})


def _other_pictures(entries: Entries) -> Entries:
    """Whole pictures of another batch in the place of these, with digests to match."""
    first, second = [name for name in entries if name.startswith("stages/images/")][:2]
    return _relisted({**entries, first: entries[second]})


def _other_run(entries: Entries) -> Entries:
    record = json.loads(entries["run/run.json"]) | {"run_id": "20261124-101500-another-0000"}
    return _relisted({**entries, "run/run.json": json.dumps(record).encode()})


def _inner(entries: Entries, data: bytes) -> Entries:
    """Other bytes in the place of a batch of pictures, with digests to match."""
    return _relisted({**entries, next(name for name in entries if name.startswith("stages/images/")): data})


def _no_archive(entries: Entries) -> Entries:
    return _inner(entries, b"no archive")


def _bomb(entries: Entries) -> Entries:
    """A batch of a mebibyte of nothing, in a thousandth of it."""
    return _inner(entries, _zipped({"a.png": bytes(2**20)}, zipfile.ZIP_DEFLATED))


def _zipped(entries: Entries, how: int = zipfile.ZIP_STORED) -> bytes:
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w", how) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return out.getvalue()


def _no_list(entries: Entries) -> Entries:
    return {name: data for name, data in entries.items() if name != "manifest.json"}


def _newer(entries: Entries) -> Entries:
    manifest = json.loads(entries["manifest.json"]) | {"version": 99}
    return {**entries, "manifest.json": json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (_changed, "is not what was exported"),
        (_without, "in its list or among its entries"),
        (_added, "in its list or among its entries"),
        (_escaping, "nothing that a baseline holds"),
        (_of_another_stage, "nothing that a baseline holds"),
        (_other_pictures, "are not those that its record names"),
        (_no_archive, "are not those that its record names"),
        (_bomb, "are not those that its record names"),
        (_other_run, "of another run"),
        (_no_list, "has no manifest.json"),
        (_newer, "version 99"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    file: Path, tmp_path: Path, forge: Callable[[Entries], Entries], words: str
) -> None:
    _write(file, forge(_entries(file)))
    other = open_store(tmp_path / "other")
    with pytest.raises(StoreError, match=words):
        import_(file, other)
    assert not other.run_ids() and not list(tmp_path.rglob("escaped*"))


def test_what_is_no_zip_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no baseline")
    with pytest.raises(StoreError, match="no good baseline"):
        unpack(tmp_path / "text", tmp_path / "into")
    with pytest.raises(MissingError, match="There is no file"):
        unpack(tmp_path / "none", tmp_path / "into")


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_compressed_is_refused_before_anything_of_it_is_read(
    file: Path, tmp_path: Path, how: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(_zipped(_entries(file), how))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(StoreError, match="is compressed"):
        unpack(file, tmp_path / "into")


def test_entries_that_lie_on_one_another_are_refused(file: Path, tmp_path: Path) -> None:
    """Each is as long as it says, and together they are more than the file."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", bytes(1000))
        for name in ("one", "other"):
            info = copy.copy(archive.infolist()[0])
            info.filename = info.orig_filename = name
            archive.filelist.append(info)
            archive._didModify = True
    with pytest.raises(StoreError, match="unpacks to more than it is"):
        unpack(file, tmp_path / "into")


@pytest.mark.parametrize("error", [zlib.error("x"), lzma.LZMAError("x"), OSError("Invalid data stream"),
                                   zipfile.BadZipFile("x")], ids=repr)  # fmt: skip
def test_what_reading_raises_is_told(
    file: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(zipfile.ZipFile, "read", broken)
    with pytest.raises(StoreError, match="no good baseline"):
        unpack(file, tmp_path / "into")


def test_another_run_of_that_id_is_not_overwritten(store: Store, file: Path) -> None:
    run_id = keep(store, "baseline", shift={0: 1.0})
    rows = store.image_rows(run_id, store.load_cells(run_id)[0].cell_id)
    with pytest.raises(StoreError, match="has another run"):
        import_(file, store)
    assert store.image_rows(run_id, store.load_cells(run_id)[0].cell_id) == rows


def test_other_pictures_under_the_same_key_are_not_mixed(store: Store, file: Path, tmp_path: Path) -> None:
    other = open_store(tmp_path / "other")
    cell = store.load_cells(store.run_ids()[0])[0]
    with io.BytesIO() as out:
        _write(out, {"a.png": b"other"})  # type: ignore[arg-type]  # a file in memory
        other.put("images", cell.batches[0].key, out.getvalue())
    with pytest.raises(StoreError, match="other pictures"):
        import_(file, other)
    assert not other.run_ids()


def test_what_the_store_has_lost_is_listed(store: Store, tmp_path: Path) -> None:
    run_id = keep(store, "baseline")
    key = store.load_cells(run_id)[0].batches[0].key
    store.path("images", key).unlink()
    export(store, run_id, tmp_path / "file")
    assert json.loads(_entries(tmp_path / "file")["manifest.json"])["absent"] == [f"images/{key}"]
    assert import_(tmp_path / "file", open_store(tmp_path / "other"))[0] == run_id

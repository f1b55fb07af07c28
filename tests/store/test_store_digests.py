"""Digests change with what they stand for, and with nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.store import digests
from harness.store.digests import digest_file, digest_folder, digest_source, package_identity
from harness.store.installed_files import is_touched
from harness.store.store import Store


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder."""
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "weights.safetensors").write_bytes(b"weights")
    (folder / "model_index.json").write_text("{}")
    return folder


def _touch(path: Path, data: bytes, seconds: int) -> None:
    path.write_bytes(data)
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9))


def test_a_file_larger_than_a_chunk_has_its_sha256(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_a_folders_digest_follows_content_and_names_only(store: Store, model: Path) -> None:
    first = digest_folder(model, store)
    _touch(model / "model_index.json", b"{}", 1)
    assert digest_folder(model, store) == first, "the time of change is no content"
    _touch(model / "model_index.json", b"[]", 2)
    second = digest_folder(model, store)
    (model / "model_index.json").rename(model / "index.json")
    assert len({first, second, digest_folder(model, store)}) == 3


def test_copies_in_two_places_are_one_model(store: Store, model: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(model), str(tmp_path / "copy")], check=True)
    assert digest_folder(model, store) == digest_folder(tmp_path / "copy", store)


def test_an_unchanged_folder_is_not_read_again(store: Store, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digest_folder(model, store)
    monkeypatch.setattr(digests, "digest_file", lambda path: pytest.fail(f"read {path}"))
    assert digest_folder(model, store) == first


def test_a_damaged_memory_is_made_again(store: Store, model: Path) -> None:
    first = digest_folder(model, store)
    next(store.blobs.all("digest")).write_bytes(b"garbage")
    assert digest_folder(model, store) == first


def test_a_link_counts_as_the_file_it_points_to(store: Store, model: Path, tmp_path: Path) -> None:
    before = digest_folder(model, store)
    blob = tmp_path / "blobs" / "1234"
    blob.parent.mkdir()
    (model / "unet" / "weights.safetensors").rename(blob)
    (model / "unet" / "weights.safetensors").symlink_to(blob)
    assert digest_folder(model, store) == before
    _touch(blob, b"changed", 5)
    assert digest_folder(model, store) != before


def test_hidden_files_are_no_part_of_a_model(store: Store, model: Path) -> None:
    before = digest_folder(model, store)
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref")
    assert digest_folder(model, store) == before


def test_prose_determines_nothing(store: Store, model: Path) -> None:
    before = digest_folder(model, store)
    for name in ("README.md", "unet/NOTES.MD", "card.json", ".gitattributes"):
        (model / name).write_text("trained for a day")
    assert digest_folder(model, store) == before
    (model / "merges.txt").write_text("a b")  # of a tokenizer
    assert digest_folder(model, store) != before


def test_source_counts_python_files_by_place_and_content(tmp_path: Path) -> None:
    package = tmp_path / "pipelines"
    (package / "sub").mkdir(parents=True)
    (package / "load.py").write_text("a = 1\n")
    first = digest_source([package])
    (package / "notes.txt").write_text("no source")
    assert digest_source([package]) == first
    (package / "load.py").rename(package / "sub" / "load.py")
    moved = digest_source([package])
    (package / "sub" / "load.py").write_text("a = 2\n")
    assert len({first, moved, digest_source([package])}) == 3


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package's metadata, as installers write it (PEP 376 and 610)."""
    folder = tmp_path / "site"
    info = folder / "solver-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: solver\nVersion: 1.2\n")
    (folder / "solver").mkdir()
    (folder / "solver" / "__init__.py").write_text("order = 1\n")
    word = base64.urlsafe_b64encode(hashlib.sha256(b"order = 1\n").digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"solver/__init__.py,sha256={word},10\nsolver-1.2.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(str(folder))
    return info


def _origin(installed: Path, origin: dict[str, object]) -> None:
    (installed / "direct_url.json").write_text(json.dumps(origin))


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_a_package_of_an_index_is_its_version(installed: Path) -> None:
    assert package_identity("solver") == "1.2"
    assert package_identity("no-such-package") is None


def test_a_file_that_was_edited_after_it_was_installed_makes_another_package(installed: Path) -> None:
    file = installed.parent / "solver" / "__init__.py"
    file.write_text("order = 2\n")
    edited = str(package_identity("solver"))
    file.write_text("order = 3\n")
    again = str(package_identity("solver"))
    file.unlink()
    gone = str(package_identity("solver"))
    for one in (edited, again, gone):
        assert one.startswith("1.2+edited.") and is_touched(one)
    assert len({edited, again, gone}) == 3 and not is_touched("1.2") and not is_touched("1.2+0123abcd")


def test_a_copy_that_is_imported_instead_makes_another_package(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "dev" / "solver"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("order = 1\n")
    (copy / "steps.py").write_text("n = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "dev"))
    first = str(package_identity("solver"))
    (copy / "steps.py").write_text("n = 2\n")
    second = str(package_identity("solver"))
    assert first.startswith("1.2+elsewhere.") and is_touched(first) and first != second


def test_a_package_of_a_commit_names_it(installed: Path) -> None:
    _origin(installed, {"url": "https://host/solver", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef0123"}})
    assert package_identity("solver") == "1.2+0123456789abcdef"


def test_a_package_of_a_folder_or_archive_follows_its_files(installed: Path) -> None:
    _origin(installed, {"url": "file:///src/solver", "dir_info": {}})
    first = package_identity("solver")
    (installed / "RECORD").write_text("solver/__init__.py,sha256=def,1\n")
    assert first != package_identity("solver")
    assert first is not None
    assert first.startswith("1.2+")


def test_a_working_tree_is_its_commit_and_its_changes(installed: Path, tmp_path: Path) -> None:
    tree = tmp_path / "a tree"
    tree.mkdir()
    (tree / "solver.py").write_text("order = 1\n")
    _git(tree, "init")
    _git(tree, "add", ".")
    _git(tree, "commit", "-m", "one")
    _origin(installed, {"url": tree.as_uri(), "dir_info": {"editable": True}})
    clean = str(package_identity("solver"))
    assert clean.count("+") == 1
    (tree / "solver.py").write_text("order = 2\n")
    changed = str(package_identity("solver"))
    assert changed.startswith(f"{clean}+")
    (tree / "new").mkdir()
    (tree / "new" / "more.py").write_text("order = 3\n")
    more = str(package_identity("solver"))
    (tree / "solver.py").unlink()
    assert len({clean, changed, more, package_identity("solver")}) == 4
    _git(tree, "add", ".")
    _git(tree, "commit", "-m", "two")
    assert str(package_identity("solver")).count("+") == 1


def test_a_tree_without_git_is_its_source(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "solver.py").write_text("order = 1\n")
    _origin(installed, {"url": (tmp_path / "plain").as_uri(), "dir_info": {"editable": True}})
    first = package_identity("solver")
    (tmp_path / "plain" / "solver.py").write_text("order = 2\n")
    assert first != package_identity("solver")

"""Another diffusers than the committed table's is looked at once, and remembered."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from harness.catalog import diffusers_table
from harness.catalog.diffusers_table import TABLE, cache_dir, scheduler_table
from harness.errors import MissingError

_COMMITTED = json.loads(TABLE.read_text())


def _install(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    monkeypatch.setattr(diffusers_table, "installed_version", lambda: version)


def _probe(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """A small module stands in for the slow look; it runs in a real subprocess."""
    (folder / "probe_of_a_test.py").write_text(f"import sys\nfrom pathlib import Path\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    monkeypatch.setattr(diffusers_table, "_PROBE", "probe_of_a_test")


def test_the_committed_version_and_none_at_all_need_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (_COMMITTED["diffusers"], None):
        _install(monkeypatch, version)
        assert scheduler_table(tmp_path / "cache") == _COMMITTED
    assert not (tmp_path / "cache").exists()


def test_another_version_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "9.9.9")
    log = tmp_path / "looks"
    body = f"open({str(log)!r}, 'a').write('x')\nPath(sys.argv[1]).write_text('{{\"diffusers\": \"9.9.9\"}}')"
    _probe(monkeypatch, tmp_path, body)
    for _ in range(2):
        assert scheduler_table(tmp_path / "cache") == {"diffusers": "9.9.9"}
    assert log.read_text() == "x"
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_cache_that_cannot_be_written_costs_the_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "9.9.9")
    _probe(monkeypatch, tmp_path, "Path(sys.argv[1]).write_text('{}')")
    (tmp_path / "file").write_text("")
    assert scheduler_table(tmp_path / "file" / "cache") == {}


def test_a_diffusers_that_does_not_import_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "9.9.9")
    _probe(monkeypatch, tmp_path, "raise ImportError('no torch here')")
    with pytest.raises(MissingError, match="no torch here"):
        scheduler_table(tmp_path / "cache")


def test_the_cache_is_where_the_desktop_standard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_dir() == Path("/somewhere/kandinsky-harness")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_dir() == Path("/home/me/.cache/kandinsky-harness")

"""Opening: a new store, one there is, one of a newer version, and what is no store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ExitCode, MissingError, StoreError
from harness.store.store import LAYOUT_VERSION, open_store

OPEN = "import sys; from pathlib import Path; from harness.store.store import open_store; open_store(Path(sys.argv[1]))"


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_store_says_its_layout(tmp_path: Path) -> None:
    open_store(tmp_path / "a" / "runs")
    assert json.loads((tmp_path / "a" / "runs" / "store.json").read_text()) == {"layout": LAYOUT_VERSION}


def test_a_store_opens_again_without_being_written(tmp_path: Path) -> None:
    open_store(tmp_path).put("prior", "a" * 64, b"x")
    before = _files(tmp_path)
    assert open_store(tmp_path, create=False).get("prior", "a" * 64) == b"x"
    assert _files(tmp_path) == before


def test_a_newer_store_is_refused_and_not_touched(tmp_path: Path) -> None:
    open_store(tmp_path).put("prior", "a" * 64, b"x")
    (tmp_path / "store.json").write_text('{"layout": 99, "more": true}')
    before = _files(tmp_path)
    with pytest.raises(StoreError, match=r"newer version \(layout 99\)") as caught:
        open_store(tmp_path)
    assert "update kandinsky-harness" in caught.value.do
    assert caught.value.exit_code == ExitCode.STORE
    assert _files(tmp_path) == before


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"layout": null}', "\x00"])
def test_a_marker_that_says_nothing_is_refused(tmp_path: Path, marker: str) -> None:
    (tmp_path / "store.json").write_text(marker)
    with pytest.raises(StoreError, match="does not read as a store's marker"):
        open_store(tmp_path)


def test_no_store_where_none_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no store in") as caught:
        open_store(tmp_path / "runs", create=False)
    assert "HARNESS_STORE" in caught.value.do
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_other_things_and_a_file_are_no_stores(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="holds files, and no store"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="is a file, and no store"):
        open_store(tmp_path / "thesis.txt")


def test_a_store_whose_maker_was_killed_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / ".part-0123").write_text('{"lay')
    assert open_store(tmp_path).run_ids() == []


def test_processes_may_begin_one_store_at_once(tmp_path: Path) -> None:
    makers = [subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path / "runs")]) for _ in range(4)]
    assert [maker.wait(timeout=60) for maker in makers] == [0, 0, 0, 0]


def test_opening_a_store_imports_neither_torch_nor_tables() -> None:
    code = "import sys; import harness.store.store, harness.store.summaries, harness.store.gc; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "pandas", "pyarrow", "mlflow", "PIL"} & set(loaded)

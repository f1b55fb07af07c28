"""The store's folder: new, in use, strange, read-only, full; looking leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.records import make_run

from harness.run.doctor import room as told
from harness.run.doctor.room import quickstart_bytes, room
from harness.store.store import open_store

LOOK = """
import json, sys
from pathlib import Path
from harness.run.doctor.room import room
print(room(Path(sys.argv[1])).model_dump_json())
"""


def _mounted(options: str, folder: Path, path: Path) -> dict[str, object]:
    """What a process sees in which ``folder`` is mounted with these options."""
    mount = f'mount {options} {folder} && exec {sys.executable} -c "$0" {path}'
    command = ["unshare", "--mount", "sh", "-c", mount, LOOK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "ermission denied" in done.stderr or "not permitted" in done.stderr:
        pytest.skip("this machine lets no process mount")
    return dict(json.loads(done.stdout))


def test_a_path_where_nothing_is_can_become_a_store_and_is_not_made(tmp_path: Path) -> None:
    found = room(tmp_path / "a" / "runs")
    assert (found.usable, found.exists, found.bytes, found.runs, found.reason) == (True, False, None, None, None)
    assert list(tmp_path.iterdir()) == []
    assert found.free_bytes and found.least_bytes == quickstart_bytes()


def test_an_empty_folder_can_become_a_store(tmp_path: Path) -> None:
    assert room(tmp_path).usable and room(tmp_path).exists and list(tmp_path.iterdir()) == []


def test_a_store_is_measured_and_left_as_it_is(tmp_path: Path) -> None:
    store = open_store(tmp_path / "runs")
    make_run(store)
    files = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    found = room(store.root)
    assert (found.usable, found.runs, found.bytes) == (True, 1, sum(map(len, files.values())))
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == files


def _strange(path: Path) -> None:
    path.mkdir()
    (path / "letter.txt").write_text("dear")


def _newer(path: Path) -> None:
    open_store(path)
    (path / "store.json").write_text('{"layout": 99}')


@pytest.mark.parametrize(
    ("make", "reason"),
    [(_strange, "holds files, and no store"), (lambda path: path.write_text("x"), "is a file, and no store"),
     (_newer, "was written by a newer version")],
)  # fmt: skip
def test_what_is_no_store_is_said_with_a_way_out(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "runs")
    found = room(tmp_path / "runs")
    assert not found.usable and reason in str(found.reason) and "--store" in found.do


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of its own")
@pytest.mark.parametrize("below", ["runs", "runs/new", "runs/stages"])
def test_a_disk_that_is_read_only_is_found(tmp_path: Path, below: str) -> None:
    """The store's own folder, one that would be made in it, and only the results' folder."""
    open_store(tmp_path / "runs")
    (tmp_path / "runs" / "stages").mkdir(exist_ok=True)
    folder = tmp_path / "runs" / ("stages" if below.endswith("stages") else "")
    path = tmp_path / ("runs" if below.endswith("stages") else below)
    found = _mounted("-t tmpfs -o ro tmpfs", folder, path) if below != "runs" else _mounted(
        f"--bind -o ro {tmp_path / 'runs'}", folder, path
    )  # fmt: skip
    assert found["usable"] is False and "Read-only file system" in str(found["reason"]), found
    assert "make the folder readable and writable" in str(found["do"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of its own")
def test_a_disk_with_less_than_the_quickstart_takes_is_too_small(tmp_path: Path) -> None:
    found = _mounted("-t tmpfs -o size=1m tmpfs", tmp_path, tmp_path / "runs")
    assert found["usable"] is False and "1.0 MB are free, and the quickstart takes 13.6 MB" in str(found["reason"])


def test_a_disk_that_refuses_to_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be mounted: the file cannot be flushed."""
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    found = room(tmp_path / "runs")
    assert not found.usable and "No space left on device" in str(found.reason) and "free space" in found.do


def test_a_store_whose_size_cannot_be_read_is_usable_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise OSError("input/output error")

    open_store(tmp_path / "runs")
    monkeypatch.setattr(told.os, "walk", broken)
    found = room(tmp_path / "runs")
    assert found.usable and found.bytes is None and "size is not known: input/output error" in str(found.reason)

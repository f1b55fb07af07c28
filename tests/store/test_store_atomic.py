"""A file is whole or absent, whatever the disk or the kernel does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import unmeasured

from harness.errors import ExitCode, StoreError
from harness.store.atomic import TEMPORARY, disk_error, write_atomic

KILLED_BEFORE_RENAME = """
import os, signal, sys
from pathlib import Path
Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
from harness.store.atomic import write_atomic
write_atomic(Path(sys.argv[1]), b"new content")
"""
SMALL_FILES_ONLY = """
import resource, sys
from pathlib import Path
from harness.errors import StoreError
from harness.store.atomic import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(Path(sys.argv[1]), bytes(5000))
except StoreError as error:
    print(error, int(error.exit_code))
"""
FULL_DISK = """
import sys
from pathlib import Path
from harness.errors import StoreError
from harness.store.store import open_store
store = open_store(Path(sys.argv[1]) / "runs")
store.put("images", "a" * 64, b"small")
try:
    store.put("images", "b" * 64, bytes(2**20))
except StoreError as error:
    print(error, int(error.exit_code))
print(store.get("images", "a" * 64), store.has("images", "b" * 64), len(list(store.root.rglob(".part-*"))))
"""


def _python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=unmeasured())


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_writer_killed_before_the_rename_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old content")
    assert _python(KILLED_BEFORE_RENAME, target).returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old content"
    assert [path for path in tmp_path.iterdir() if path.name.startswith(TEMPORARY)]


def test_a_file_too_large_for_its_limit_is_a_store_error(tmp_path: Path) -> None:
    answer = _python(SMALL_FILES_ONLY, tmp_path / "file").stdout
    assert "File too large" in answer
    assert "MB free" in answer
    assert "harness store gc" in answer
    assert answer.rstrip().endswith(str(int(ExitCode.STORE)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of its own")
def test_a_full_disk_keeps_what_is_stored_and_says_what_to_do(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=128k tmpfs {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    command = ["unshare", "--mount", "sh", "-c", mount, FULL_DISK]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "ermission denied" in found.stderr or "not permitted" in found.stderr:
        pytest.skip("this machine lets no process mount")
    assert "No space left on device (0 MB free)" in found.stdout, found.stderr
    assert "free space" in found.stdout
    assert found.stdout.splitlines()[-1] == "b'small' False 0"


def test_a_folder_that_is_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="could not write below") as caught:
        write_atomic(tmp_path / "file" / "below", b"")
    assert "--store" in caught.value.do


def test_an_interruption_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "make the folder readable and writable"),
        (errno.EDQUOT, "harness store gc"),
        (errno.EIO, "look at the disk"),
    ],
)
def test_the_advice_fits_what_the_disk_said(tmp_path: Path, number: int, advice: str) -> None:
    error = disk_error(tmp_path / "file", OSError(number, "no"), "write")
    assert advice in error.do
    assert "everything stored so far is kept" in error.do
    assert os.strerror(number) in error.happened

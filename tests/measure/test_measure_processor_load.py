"""Whose processor time it was, of real processes; and a container's count from known texts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.measure.processor_load import Load, Usage, container_throttled, is_below, tree_seconds

_BUSY = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nprint('done', flush=True)"


@contextmanager
def busy(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has used ``seconds`` of processor time, and is still there."""
    script = _BUSY.format(seconds) + "\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"done\n"
    yield process
    process.kill()
    process.communicate()


def test_a_childs_time_is_ours_while_it_runs_and_when_it_has_ended() -> None:
    before = tree_seconds(os.getpid())
    with busy(0.4):
        assert tree_seconds(os.getpid()) - before >= 0.35
    assert tree_seconds(os.getpid()) - before >= 0.35


def test_another_trees_time_is_not_ours() -> None:
    with busy(0.1) as other:
        before = tree_seconds(other.pid)
        with busy(0.4):
            assert tree_seconds(other.pid) - before < 0.1


def test_a_process_that_is_gone_has_no_time() -> None:
    with busy(0.01) as other:
        pass
    assert tree_seconds(other.pid) == 0.0


def test_a_real_block_with_a_busy_stranger_and_with_a_busy_child() -> None:
    """The same work, seen once from the tree that does it and once from a tree that does not."""
    with busy(0.05) as stranger:
        seen_by = {pid: Usage.now(pid) for pid in (os.getpid(), stranger.pid)}
        began = time.perf_counter()
        with busy(1.0):
            seconds = time.perf_counter() - began
            loads = {pid: first.until(Usage.now(pid), seconds) for pid, first in seen_by.items()}
    ours, foreign = loads[os.getpid()], loads[stranger.pid]
    assert foreign.foreign_cpu_s - ours.foreign_cpu_s >= 0.9
    assert foreign.foreign_cpu_s > 0.85 and ours.cpu_s >= seconds


def test_the_arithmetic_of_two_moments() -> None:
    first, later = Usage(busy_s=100.0, ours_s=10.0, processors=4), Usage(busy_s=107.0, ours_s=15.0, processors=4)
    assert first.until(later, 2.0) == Load(foreign_cpu_s=2.0, cpu_s=8.0)


def test_below_is_this_process_its_children_and_nobody_else() -> None:
    with busy(0.01) as child:
        assert is_below(os.getpid(), os.getpid()) and is_below(child.pid, os.getpid())
        assert not is_below(os.getpid(), child.pid) and not is_below(os.getppid(), os.getpid())
    assert not is_below(child.pid, os.getpid())  # it is gone


def _counts(folder: Path, throttled: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = "usage_usec 1\n" if throttled is None else f"nr_periods 90\nnr_throttled {throttled}\nthrottled_usec 5\n"
    (folder / "cpu.stat").write_text(text)


def test_every_group_above_ours_may_hold_it_back(tmp_path: Path) -> None:
    _counts(tmp_path / "a/b", 3)
    _counts(tmp_path / "a", 4)
    _counts(tmp_path, None)  # the root has no limit and no count
    _counts(tmp_path / "other", 100)
    assert container_throttled("0::/a/b\n", tmp_path) == 7


def test_in_a_container_the_mounted_root_is_its_own_group(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    _counts(mounted, 5)
    _counts(tmp_path, 100)  # outside what is mounted
    assert container_throttled("0::/docker/1f2e\n", mounted) == 5
    assert container_throttled("0::/../other\n", mounted) == 5


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    _counts(tmp_path / "cpu/a", 2)
    assert container_throttled("4:cpu,cpuacct:/a\n3:memory:/b\n0::/\n", tmp_path) == 2


@pytest.mark.parametrize("groups", ["", "0::/a\n", "no such text"])
def test_where_nothing_counts_there_is_no_zero(groups: str, tmp_path: Path) -> None:
    assert container_throttled(groups, tmp_path) is None

"""A container's limits, read from trees of control groups as the kernel shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.run.doctor.limits import cgroup_limits, cgroup_room

GIB = 2**30
NO_LIMIT = "9223372036854771712\n"  # as version 1 writes it


def _tree(root: Path, own: str, files: dict[str, str]) -> tuple[float | None, int | None]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "own").write_text(own)
    return cgroup_limits(root, root / "own")


def test_version_two_is_limited_by_the_tightest_group_above(tmp_path: Path) -> None:
    files = {"a/cpu.max": "150000 100000\n", "a/memory.max": f"{8 * GIB}\n", "a/b/cpu.max": "max 100000\n",
             "a/b/memory.max": "max\n"}  # fmt: skip
    assert _tree(tmp_path, "0::/a/b\n", files) == (1.5, 8 * GIB)
    (tmp_path / "a/b/memory.max").write_text(f"{4 * GIB}\n")
    assert cgroup_limits(tmp_path, tmp_path / "own") == (1.5, 4 * GIB)


def test_version_one_keeps_each_resource_in_a_folder_of_its_own(tmp_path: Path) -> None:
    files = {"cpu/x/cpu.cfs_quota_us": "50000\n", "cpu/x/cpu.cfs_period_us": "100000\n",
             "memory/y/memory.limit_in_bytes": f"{2 * GIB}\n", "memory/memory.limit_in_bytes": NO_LIMIT}  # fmt: skip
    assert _tree(tmp_path, "4:memory:/y\n1:cpu,cpuacct:/x\n", files) == (0.5, 2 * GIB)


def test_inside_a_container_the_path_may_be_the_outside_s(tmp_path: Path) -> None:
    assert _tree(tmp_path, "0::/docker/abc\n", {"memory.max": f"{GIB}\n", "cpu.max": "max 100000"}) == (None, GIB)


def test_what_is_left_counts_files_that_could_be_dropped(tmp_path: Path) -> None:
    files = {"a/memory.max": f"{8 * GIB}\n", "a/memory.current": f"{7 * GIB}\n",
             "a/memory.stat": f"anon {5 * GIB}\ninactive_file {2 * GIB}\n", "memory.max": "max\n"}  # fmt: skip
    _tree(tmp_path, "0::/a\n", files)
    assert cgroup_room(tmp_path, tmp_path / "own") == 3 * GIB
    older = {"memory/memory.limit_in_bytes": f"{GIB}\n", "memory/memory.usage_in_bytes": f"{2 * GIB}\n"}
    _tree(tmp_path / "older", "4:memory:/\n", older)
    assert cgroup_room(tmp_path / "older", tmp_path / "older/own") == 0
    assert cgroup_room(tmp_path / "no", tmp_path / "neither") is None


@pytest.mark.parametrize(
    "files",
    [{}, {"memory.max": "max\n", "cpu.max": "max 100000\n"}, {"cpu.max": "5 0\n"},
     {"memory/memory.limit_in_bytes": NO_LIMIT, "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}],
)  # fmt: skip
def test_no_limit_is_none_and_not_a_number(tmp_path: Path, files: dict[str, str]) -> None:
    assert _tree(tmp_path, "0::/\n4:memory:/\n1:cpu:/\n", files) == (None, None)


def test_without_control_groups_nothing_is_known(tmp_path: Path) -> None:
    assert cgroup_limits(tmp_path / "no", tmp_path / "neither") == (None, None)

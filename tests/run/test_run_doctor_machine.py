"""The machine and its compiler, against what the system itself says."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

import psutil
import pytest

from harness.run.doctor import machine as told
from harness.run.doctor.machine import compiler, machine


def _script(folder: Path, text: str) -> Path:
    path = folder / "g++"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _no_choice_of_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)


def test_the_machine_is_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text("NVRM version: 580.1\nGCC version: 12\n")
    monkeypatch.setattr(told, "NVIDIA", tmp_path)
    found = machine()
    assert (found.memory_bytes, found.cores_logical) == (psutil.virtual_memory().total, psutil.cpu_count())
    assert (found.python, found.kernel) == (platform.python_version(), platform.release())
    assert found.nvidia_driver == "NVRM version: 580.1"
    monkeypatch.setattr(told, "NVIDIA", tmp_path / "none")
    assert machine().nvidia_driver is None


def test_memory_is_what_a_container_leaves_of_it() -> None:
    found = machine().model_copy(update={"memory_bytes": 10, "cgroup_memory_bytes": None})
    assert found.usable_memory_bytes == 10
    assert found.model_copy(update={"cgroup_memory_bytes": 4}).usable_memory_bytes == 4
    assert found.model_copy(update={"cgroup_memory_bytes": 40}).usable_memory_bytes == 10


def test_no_compiler_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiler().reason == "none of g++, clang++, c++ is on the PATH"
    monkeypatch.setenv("CXX", "icpx -O2")
    assert compiler().reason == "CXX names icpx, which is not on the PATH" and compiler().path is None


def test_a_compiler_that_refuses_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _script(tmp_path, 'echo "note: here" >&2; echo "<stdin>:1: fatal error: Python.h: No such file" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = compiler()
    assert found.path == str(path)
    assert found.reason == "g++ refuses a small file: <stdin>:1: fatal error: Python.h: No such file"
    assert "python3-dev" in found.do


def test_a_compiler_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path, "exec sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(told, "_PATIENCE_S", 0.2)
    assert "timed out" in str(compiler().reason)


@pytest.mark.skipif(not any(Path(f"/usr/bin/{name}").exists() for name in ("g++", "c++")), reason="no compiler here")
def test_a_real_compiler_wants_python_s_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").exists():
        pytest.skip("no Python headers here")
    assert compiler().reason is None
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert "Python.h" in str(compiler().reason)

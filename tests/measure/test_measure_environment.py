"""The environment is complete, is JSON, and tells nothing of the person."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from pathlib import Path

import pytest

from harness.measure import environment as module
from harness.measure.environment import environment, machine


def test_the_groups_and_what_they_hold() -> None:
    found = environment("cpu")
    assert set(found) == {"hardware", "software", "source", "state", "torch", "device"}
    assert found["hardware"]["cores_usable"] >= 1 and found["hardware"]["memory_bytes"] > 1 << 28
    for name in ("torch", "diffusers", "transformers", "open-clip-torch", "numpy"):
        assert found["software"]["packages"][name]
    assert found["torch"]["threads"] >= 1 and found["torch"]["deterministic_algorithms"] in (True, False)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_names_a_person_a_host_a_home_or_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_this_is_a_secret")
    text = json.dumps(environment("cpu"))
    assert "hf_this_is_a_secret" not in text
    assert str(Path.home()) not in text and platform.node() not in text
    assert getpass.getuser() not in text.replace('"root"', "") or getpass.getuser() == "root"
    assert all(value not in text for name, value in os.environ.items() if len(value) > 20 and "PATH" in name)


def test_variables_that_change_numbers_are_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in module.OVERRIDES:
        monkeypatch.delenv(name, raising=False)
    assert module.torch_flags("cpu")["overrides"] == {}
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert module.torch_flags("cpu")["overrides"] == {"NVIDIA_TF32_OVERRIDE": "0"}


def test_the_stable_groups_are_stable() -> None:
    first, second = machine(), machine()
    first.pop("state"), second.pop("state")
    assert first == second


@pytest.mark.parametrize(("text", "cpus"), [("200000 100000\n", 2.0), ("max 100000\n", None), ("", None)])
def test_a_containers_share_of_the_processor(text: str, cpus: float | None) -> None:
    assert module._cgroup_cpus(text) == cpus


@pytest.mark.parametrize(("text", "size"), [("1024\n", 1024), ("max\n", None), ("", None)])
def test_a_containers_share_of_the_memory(text: str, size: int | None) -> None:
    assert module._cgroup_bytes(text) == size


def test_the_revision_and_whether_files_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/__init__.py").write_text("")
    monkeypatch.setattr(module.harness, "__file__", str(tmp_path / "harness/__init__.py"))
    assert module.source() == {"revision": None, "dirty": None}

    def git(*words: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/dev/null"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert module.source() == {"revision": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "harness/__init__.py").write_text("changed = True\n")
    assert module.source()["dirty"] is True


def test_a_command_that_is_not_there_says_nothing() -> None:
    assert module._output("no-such-command-anywhere") == ""

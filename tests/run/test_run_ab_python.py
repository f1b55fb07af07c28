"""Environments that cannot work are refused with what was found, what was expected and what to do."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, MissingError, UsageError
from harness.run.ab.python import guests
from harness.run.guest import LENT, place_of

Env = Callable[..., Path]


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """A venv's folder whose Python is a script that answers as it is told."""

    def make(name: str, *, version: tuple[int, int, int] = (3, 11, 7), abi: str | None = None, **there: Any) -> Path:
        packages = {"torch": "2.14.1", "diffusers": "0.42.1", "transformers": "5.24.0", **there}
        answer = {"version": version, "name": "cpython", "abi": abi or sysconfig.get_config_var("SOABI"),
                  "there": {key: value for key, value in packages.items() if value is not None}}  # fmt: skip
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho 'something that a startup file prints'\necho '{json.dumps(answer)}'\n")
        python.chmod(0o755)
        return python.parent.parent

    return make


def test_names_and_places(env: Env, tmp_path: Path) -> None:
    old, new = env("old"), env("new", pydantic="2.13.0")
    a, b = guests([str(old), f"upgrade={new / 'bin' / 'python'}"])
    assert (a.name, a.python, a.borrows) == ("old", old / "bin" / "python", True)
    assert (b.name, b.python, b.borrows) == ("upgrade", new / "bin" / "python", False)
    again = guests([str(old), str(old)])
    assert [one.name for one in again] == ["old-a", "old-b"]


def test_a_link_stays_one_or_a_venv_would_be_lost(env: Env, tmp_path: Path) -> None:
    real = env("real") / "bin" / "python"
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(real)
    assert guests([str(tmp_path / "venv"), str(real)])[0].python == tmp_path / "venv" / "bin" / "python"


@pytest.mark.parametrize(
    ("about", "found", "expected", "do"),
    [
        ({"diffusers": None}, "has no diffusers", "torch, diffusers and transformers", "-m pip install diffusers"),
        ({"torch": None, "transformers": None}, "has no torch and no transformers", "diffusers", "torch transformers"),
        ({"version": (3, 10, 4), "abi": "cpython-310"}, "cpython 3.10.4 (cpython-310)", "3.11 or newer", "with Python"),
        ({"version": (3, 14, 0), "abi": "cpython-314"}, "3.14.0 (cpython-314) and has no pydantic", "ABI", "pydantic"),
        ({"pydantic": "1.10.2"}, "has pydantic 1.10.2", "2.12 or newer, or none", "pip install 'pydantic>=2.12'"),
    ],
)
def test_what_is_refused(env: Env, about: dict[str, Any], found: str, expected: str, do: str) -> None:
    with pytest.raises(HarnessError) as refused:
        guests([str(env("good")), f"bad={env('bad', **about)}"])
    error = refused.value
    assert found in error.happened and "bad" in error.happened
    assert expected in error.expected and do in error.do


def test_another_python_with_a_pydantic_of_its_own_may_stay(env: Env) -> None:
    other = env("other", version=(3, 14, 0), abi="cpython-314", pydantic="2.14.0")
    assert not guests([str(env("good")), str(other)])[1].borrows


def test_no_such_place(env: Env, tmp_path: Path) -> None:
    good = str(env("good"))
    (tmp_path / "empty").mkdir()
    for path, what in (("nowhere", "is not there"), ("empty", "has no bin/python")):
        with pytest.raises(MissingError) as refused:
            guests([good, str(tmp_path / path)])
        assert what in refused.value.happened and "python -m venv" in refused.value.do


@pytest.mark.parametrize("script", ["exit 3", "echo no JSON", "true", "echo 'it broke' >&2; exit 1"])
def test_a_python_that_does_not_answer(env: Env, tmp_path: Path, script: str) -> None:
    path = tmp_path / "broken"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.raises(MissingError) as refused:
        guests([str(env("good")), f"broken={path}"])
    assert "no Python that answers" in refused.value.happened and str(path) in refused.value.happened


@pytest.mark.parametrize("count", [1, 3])
def test_two_environments_are_named(env: Env, count: int) -> None:
    with pytest.raises(UsageError, match=f"{count} environments"):
        guests([str(env(f"e{n}")) for n in range(count)])


def test_the_real_python_is_asked_outside_our_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the working directory that is called like a package is none, nor is one on our own path."""
    for name in ("torch", "diffusers", "transformers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    bare = tmp_path / "bare"
    __import__("venv").create(bare, symlinks=True)
    with pytest.raises(MissingError, match="has no torch and no diffusers and no transformers"):
        guests([str(bare), sys.executable])


def test_what_is_lent_lies_in_folders() -> None:
    for name in LENT:
        assert (Path(place_of(name)) / name).is_dir() or (Path(place_of(name)) / f"{name}.py").is_file()

"""Packages: the table against what the project declares, and each way in which one may fail."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

from harness.run.doctor import packages as told
from harness.run.doctor.asking import Answer
from harness.run.doctor.packages import PACKAGES, least_versions, packages, pip, release, targets
from harness.run.doctor.types import Package

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
DECLARED = ["torch>=2.14", "torchsde>=0.2.6; extra == 'sde'", "Pillow >= 11", "nox; extra == 'dev'"]


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed, to be changed; the harness declares ``DECLARED``."""
    known = {row.name: "99" for row in PACKAGES}

    def version(name: str) -> str:
        if name not in known:
            raise importlib.metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: DECLARED)
    monkeypatch.setattr(told, "pip", lambda: "pip")
    return known


def _found(name: str, **errors: str) -> Package:
    answers = {row.target: Answer(errors.get(row.name.replace("-", "_"))) for row in PACKAGES}
    return next(one for one in packages(answers) if one.name == name)


def test_the_table_has_every_package_that_the_project_declares() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    declared = {re.split("[<>=]", text)[0] for text in project["dependencies"]}
    assert {row.name for row in PACKAGES if row.needed} == declared
    extras = [text for name, texts in project["optional-dependencies"].items() if name != "dev" for text in texts]
    assert {re.split("[<>=]", text)[0] for text in extras} <= {row.name for row in PACKAGES if not row.needed}


def test_what_a_package_stands_on_is_above_it() -> None:
    names = [row.name for row in PACKAGES]
    assert all(names.index(row.stands_on) < place for place, row in enumerate(PACKAGES) if row.stands_on)


def test_a_sound_package_has_no_line(versions: dict[str, str]) -> None:
    found = _found("torch")
    assert (found.state, found.version, found.least, found.reason, found.line) == ("works", "99", "2.14", None, None)


def test_a_package_that_is_not_there_is_installed_at_the_version_that_is_declared(versions: dict[str, str]) -> None:
    del versions["torchsde"], versions["xformers"]
    assert "torchsde" not in targets() and "torch" in targets()
    assert (_found("torchsde").state, _found("torchsde").line) == ("missing", "pip install 'torchsde>=0.2.6'")
    assert _found("xformers").line == "pip install xformers"


@pytest.mark.parametrize(
    ("version", "state"), [("2.13.9", "too old"), ("2.14", "works"), ("2.14.0+cu128", "works"), ("10.0", "works")]
)
def test_a_lower_bound_is_compared_by_numbers(versions: dict[str, str], version: str, state: str) -> None:
    versions["torch"] = version
    found = _found("torch")
    assert found.state == state
    if state == "too old":
        assert found.reason == "torch 2.13.9 is older than 2.14" and found.line == "pip install 'torch>=2.14'"


def test_releases_are_read() -> None:
    assert [release(text) for text in ("2.14.1+cu130", "1.9.0.post1", "3.0", "3", "dev")] == [
        (2, 14, 1), (1, 9), (3,), (3,), ()
    ]  # fmt: skip


def test_a_package_that_does_not_import_is_installed_anew(versions: dict[str, str]) -> None:
    found = _found("pillow", pillow="ImportError: libjpeg")
    assert found.state == "broken" and found.reason == "pillow 99 does not import: ImportError: libjpeg"
    assert found.line == "pip install --force-reinstall 'pillow>=11'"


def test_torchvision_is_mended_together_with_torch(versions: dict[str, str]) -> None:
    found = _found("torchvision", torchvision="RuntimeError: operator torchvision::nms does not exist")
    assert found.line == "pip install --force-reinstall torch torchvision"


def test_what_stands_on_a_broken_torch_is_mended_by_torch(versions: dict[str, str]) -> None:
    found = _found("diffusers", torch="OSError: libcudart", diffusers="ImportError: torch", accelerate="x")
    assert found.state == "broken" and "stands on torch: torch 99 does not import: OSError: libcudart" in str(
        found.reason
    )
    assert found.line == "pip install --force-reinstall torch torchvision"
    alone = _found("diffusers", diffusers="ImportError: no peft")
    assert alone.line == "pip install --force-reinstall diffusers"


def test_a_package_for_which_there_was_no_time_is_neither_sound_nor_broken(versions: dict[str, str]) -> None:
    answers = {row.target: Answer("not looked at: the time was over", asked=False) for row in PACKAGES}
    found = packages(answers)[0]
    assert (found.state, found.line) == ("not looked at", None)
    assert found.reason == "torch was not looked at: the time was over"


def test_without_the_harness_s_own_metadata_there_are_no_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", gone)
    assert least_versions() == {}
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: DECLARED)
    assert least_versions() == {"torch": "2.14", "torchsde": "0.2.6", "pillow": "11"}


def test_pip_is_that_of_this_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my env" / "python"))
    (tmp_path / "my env").mkdir()
    for folder in (tmp_path, tmp_path / "my env"):
        (folder / "pip").write_text("#!/bin/sh\n")
        (folder / "pip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip() == f"'{tmp_path}/my env/python' -m pip"
    monkeypatch.setenv("PATH", str(tmp_path / "my env"))
    assert pip() == "pip"

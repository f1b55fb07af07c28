"""A tiny model's folder, and labs whose workers are fakes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fake_worker import install
from support.runs import Lab, once


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing matters when the power fails, which no test can arrange."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder, not to be changed."""

    def make(folder: Path) -> None:
        from tiny_kandinsky import save_tiny

        save_tiny(folder)

    return once(tmp_path_factory, "tiny-2.2", make)


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The executable of a fake worker; workers that the test starts are fakes."""
    monkeypatch.setattr(sys, "executable", executable := str(install(tmp_path)))
    return executable


@pytest.fixture
def lab(tiny: Path, tmp_path: Path, fakes: str) -> Lab:
    """An empty lab whose workers are fakes."""
    return Lab(tmp_path, tiny)


@pytest.fixture
def new_lab(tiny: Path, tmp_path: Path, fakes: str) -> Callable[[str], Lab]:
    """Makes more of them."""

    def make(name: str) -> Lab:
        (tmp_path / name).mkdir()
        return Lab(tmp_path / name, tiny)

    return make

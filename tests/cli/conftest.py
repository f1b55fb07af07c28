"""A store with three runs in it, and a way to type a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.records import make_run

from harness.cli import run
from harness.store.store import Store, open_store


@dataclass(frozen=True)
class Said:
    """What a command said, and the code that it left with."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def harness(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Types a command in this process, with ``./runs`` as its store."""

    def type_in(*arguments: str | Path) -> Said:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return Said(code, said.out, said.err)

    return type_in


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """``./runs``: a finished run, one with a failed cell, and one that was interrupted."""
    found = open_store(tmp_path / "runs")
    make_run(found)
    make_run(found, cells=3, failed={1}, name="other", minute=5)
    make_run(found, cells=3, pending={2}, name="half", minute=9)
    return found

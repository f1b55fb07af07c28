"""What cannot be run is refused before any worker starts: in a paragraph, with what to do and the right exit code."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.runs import Lab

from harness.cli import run
from harness.errors import ExitCode

Said = Callable[..., str]


@pytest.fixture
def refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a spec that must be refused, where no worker can be started; gives what was said."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    def of(code: ExitCode, *options: str, **keys: Any) -> str:
        lab = Lab(tmp_path, tiny)
        found = run(["run", str(lab.spec(**keys)), "--store", str(tmp_path / "runs"), "--no-track", *options])
        said = capsys.readouterr().err
        assert found == code, said
        assert "Traceback" not in said and "defect" not in said and len(said) < 2500
        assert not list((tmp_path / "runs").glob("runs/*"))
        return said

    return of


@pytest.fixture
def model(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to plant a fault in."""
    return Path(shutil.copytree(tiny, tmp_path / "model", ignore=shutil.ignore_patterns("lock", "whole")))


def test_a_folder_that_is_gone(refused: Said, model: Path) -> None:
    shutil.rmtree(model)
    said = refused(ExitCode.MISSING, model=str(model))
    assert "no model folder" in said and str(model) in said


def test_pickled_weights_come_with_the_way_to_convert_them(refused: Said, model: Path) -> None:
    (weights,) = (model / "decoder" / "unet").glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    said = refused(ExitCode.MISSING, model=str(model))
    assert "pickle" in said and "save_pretrained" in said and "safe_serialization=True" in said and "unet" in said


def test_a_part_without_weights(refused: Said, model: Path) -> None:
    shutil.rmtree(model / "prior" / "text_encoder")
    assert "lacks text_encoder" in refused(ExitCode.MISSING, model=str(model))


def test_foreign_code(refused: Said, model: Path) -> None:
    index = model / "decoder" / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "unet": ["their_code", "Net"]}))
    assert "no foreign code" in refused(ExitCode.USAGE, model=str(model))


def test_a_hub_name_without_network_says_what_to_do(refused: Said) -> None:
    said = refused(ExitCode.MISSING, model="kandinsky-2.2", metrics=["clip_score"])
    assert "kandinsky-community/kandinsky-2-2-prior" in said and "HF_HOME" in said and "hf download" in said


def test_a_device_that_is_not_there(refused: Said) -> None:
    if Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists():
        assert "no mps device" in refused(ExitCode.MISSING, device="mps")
    else:
        assert "no cuda device" in refused(ExitCode.MISSING, device="cuda")


def test_a_worker_that_cannot_start(refused: Said) -> None:
    said = refused(ExitCode.MISSING)
    assert "No worker can work on cpu" in said and "status 1" in said


@pytest.mark.parametrize("layout", ["99", "null", '"?"'])
def test_a_store_of_a_newer_version_is_left_alone(refused: Said, tmp_path: Path, layout: str) -> None:
    marker = tmp_path / "runs" / "store.json"
    marker.parent.mkdir()
    marker.write_text(f'{{"layout": {layout}}}')
    said = refused(ExitCode.STORE)
    assert ("newer version" in said and "update" in said) or "store's marker" in said
    assert [path.name for path in marker.parent.iterdir()] == ["store.json"]
    assert marker.read_text() == f'{{"layout": {layout}}}'


def test_a_folder_that_is_no_store(refused: Said, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "letter.txt").write_text("dear")
    assert "holds files, and no store" in refused(ExitCode.STORE)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["letter.txt"]


def test_devices_are_numbers(refused: Said) -> None:
    assert "no list of devices" in refused(ExitCode.USAGE, "--devices", "0,one")

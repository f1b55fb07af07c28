"""Pickled weights become a folder that says which file they came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.score.convert import main


def test_a_backbone_keeps_its_convolutions(tmp_path: Path) -> None:
    state = {"features.0.weight": torch.rand(2, 3), "classifier.1.weight": torch.rand(4)}
    torch.save(state, tmp_path / "w.pth")
    main(["alexnet", str(tmp_path / "w.pth"), str(tmp_path / "made")])
    kept = load_file(tmp_path / "made" / "model.safetensors")
    assert list(kept) == ["features.0.weight"] and torch.equal(kept["features.0.weight"], state["features.0.weight"])
    config = json.loads((tmp_path / "made" / "config.json").read_text())
    sha = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    assert config == {"architecture": "alexnet", "source_sha256": sha}


def test_an_inception_has_its_resize(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.rand(2)}, tmp_path / "w.pth")
    main(["inception", str(tmp_path / "w.pth"), str(tmp_path / "made"), "--resize", "clean"])
    assert json.loads((tmp_path / "made" / "config.json").read_text())["resize"] == "clean"


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("boom",)


def test_a_file_that_holds_more_than_tensors_is_refused(tmp_path: Path) -> None:
    import pickle

    torch.save({"features.0.weight": Bomb()}, tmp_path / "w.pth")
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        main(["alexnet", str(tmp_path / "w.pth"), str(tmp_path / "made")])
    assert not (tmp_path / "made").exists()

"""Pickled weights become a folder that says which file they came from, and what was made of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import ExitCode, MissingError
from harness.score import convert as module
from harness.score.convert import convert, main
from harness.score.lpips import backbone


class Small(torch.nn.Module):
    """In place of a network of many megabytes."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Linear(2, 3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NETWORKS", dict.fromkeys(("inception", "alexnet", "vgg16"), lambda _: Small()))


def test_a_backbone_keeps_its_convolutions(tmp_path: Path) -> None:
    from harness.score.lpips import convolutions

    state = {**convolutions("alexnet").state_dict(), "classifier.1.weight": torch.rand(4)}
    torch.save(state, tmp_path / "w.pth")
    main(["alexnet", str(tmp_path / "w.pth"), str(tmp_path / "made")])
    kept = load_file(tmp_path / "made" / "model.safetensors")
    assert all(name.startswith("features.") and torch.equal(value, state[name]) for name, value in kept.items())
    config = json.loads((tmp_path / "made" / "config.json").read_text())
    each = {"source_sha256": tmp_path / "w.pth", "weights_sha256": tmp_path / "made" / "model.safetensors"}
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in each.items()}
    assert config == {"architecture": "alexnet", **sums}
    assert backbone(tmp_path / "made")[1] == config


@pytest.mark.usefixtures("small")
def test_an_inception_has_its_resize(tmp_path: Path) -> None:
    torch.save(Small().state_dict(), tmp_path / "w.pth")
    main(["inception", str(tmp_path / "w.pth"), str(tmp_path / "made"), "--resize", "clean"])
    assert json.loads((tmp_path / "made" / "config.json").read_text())["resize"] == "clean"


class Bomb:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


FOREIGN = ["more than tensors", "another network", "no pickle", "a list", "numbers for names", "nothing"]


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.usefixtures("small")
def test_a_file_that_will_not_do_is_told_and_nothing_is_written(what: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "w.pth", tmp_path / "mark"
    if what == "no pickle":
        path.write_text("words")
    elif what != "nothing":
        torch.save({"more than tensors": {"features.weight": Bomb(mark)}, "a list": [torch.rand(2)],
                    "numbers for names": {0: torch.rand(2)},
                    "another network": {"features.weight": torch.rand(7, 7)}}[what], path)  # fmt: skip
    with pytest.raises(MissingError, match=r"w\.pth (cannot be read|holds other weights)") as caught:
        convert("alexnet", path, tmp_path / "made")
    assert "pt_inception-2015" in caught.value.expected
    assert not (tmp_path / "made").exists() and not mark.exists()


@pytest.mark.parametrize("fault", [ZeroDivisionError("by zero"), AttributeError("no such")], ids=str)
def test_a_network_that_cannot_be_built_of_it_is_told(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(_: object) -> torch.nn.Module:
        raise fault

    monkeypatch.setattr(module, "_NETWORKS", {"alexnet": build})
    torch.save(Small().state_dict(), tmp_path / "w.pth")
    with pytest.raises(MissingError, match="holds other weights"):
        convert("alexnet", tmp_path / "w.pth", tmp_path / "made")


UNUSED = [("alexnet", "--resize", "clean"), ("alexnet", "--vocabulary", "v"), ("inception", "--vocabulary", "v"),
          ("image-reward", "--resize", "tf")]  # fmt: skip


@pytest.mark.parametrize(("what", "option", "value"), UNUSED, ids=str)
def test_an_option_of_another_network_is_refused(
    what: str, option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([what, str(tmp_path / "w.pth"), str(tmp_path / "made"), option, value])
    assert caught.value.code == ExitCode.USAGE and f"{what} takes no {option}" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(Small().state_dict(), tmp_path / "w.pth")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine.bin").write_text("mine")
    with pytest.raises(SystemExit) as caught:
        main(["alexnet", str(tmp_path / "w.pth"), str(tmp_path / "made")])
    assert caught.value.code == ExitCode.USAGE and "no empty folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["mine.bin"]

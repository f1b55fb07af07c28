"""The whole examination by its verb: exit codes, planted faults, JSON, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.doctor import safetensors, stubs, write_part
from support.hub import hub
from support.processes import HEAVY, SPY, unmeasured

from harness.catalog.models import MODELS
from harness.catalog.weights import WEIGHTS
from harness.errors import ExitCode

#: Hides a package from everything in a process, as if it were not installed.
HIDING = """
import importlib.metadata as metadata, sys
from importlib.machinery import PathFinder
NAMES = {names!r}
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in NAMES else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
_from_name = metadata.Distribution.from_name.__func__
def from_name(cls, name):
    if name in NAMES:
        raise metadata.PackageNotFoundError(name)
    return _from_name(cls, name)
metadata.Distribution.from_name = classmethod(from_name)
"""
TOKEN = "hf_notToBeShown123456"


def _doctor(
    folder: Path, *arguments: str, hide: tuple[str, ...] = (), **changes: str
) -> subprocess.CompletedProcess[str]:
    """The verb in a process of its own, out of the hub's reach; packages come from ``folder / "path"`` first."""
    path = folder / "path"
    path.mkdir(exist_ok=True)
    if hide:
        (path / "sitecustomize.py").write_text(HIDING.format(names=hide))
    known = {name: value for name, value in unmeasured().items() if name not in ("HF_HUB_OFFLINE", "HARNESS_STORE")}
    where = {"HF_HOME": str(folder / "hub"), "HOME": str(folder), "HF_ENDPOINT": "http://127.0.0.1:9",
             "PYTHONPATH": str(path), "HF_TOKEN": TOKEN}  # fmt: skip
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "harness", "doctor", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env={**known, **where, **changes},
    )  # fmt: skip


def _json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout and "Traceback" not in done.stderr, done.stderr
    return dict(json.loads(done.stdout))


def _rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{row['catalog']}: {row['name']}": row for row in found["rows"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where light stand-ins for the heavy packages are found first."""
    stubs(tmp_path / "path")
    return tmp_path


def test_a_sound_machine_is_done_and_its_json_is_whole(folder: Path) -> None:
    done = _doctor(folder, "--json")
    found = _json(done)
    assert done.returncode == ExitCode.DONE and found["miniature"]["status"] == "open", found["miniature"]
    assert found["facts"]["torch"]["version"] == "9.9+stub"
    assert found["facts"]["hub"]["reached"] is False and "refused" in found["facts"]["hub"]["reason"]
    assert _rows(found)["tasks: text-to-image with mini-2.2"]["status"] == "open"
    (lack,) = _rows(found)["models: kandinsky-3"]["lacks"]
    assert lack["line"] == "harness fetch guide --only model=kandinsky-3" and "export HF_HOME" in lack["do"]
    assert not (folder / "runs").exists(), "looking makes nothing"


def test_the_text_says_the_same_and_what_it_is_doing_goes_beside_it(folder: Path) -> None:
    done = _doctor(folder)
    assert done.returncode == ExitCode.DONE
    assert done.stdout.startswith("The shipped miniature runs on this machine")
    assert "$ harness fetch guide --only model=kandinsky-3\n" in done.stdout
    assert "importing the packages" in done.stderr and "importing the packages" not in done.stdout


def test_no_secret_is_shown(folder: Path) -> None:
    """In the environment, in the hub's address, and in the words of a package that fails."""
    stubs(folder / "path", torchao="import os\nraise RuntimeError(os.environ['HF_TOKEN'] + os.environ['MY_SECRET'])")
    (folder / "path" / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n_version = m.version\n"
        "m.version = lambda name: '1' if name == 'torchao' else _version(name)\n"
    )
    for flags in ((), ("--json",)):
        done = _doctor(folder, *flags, MY_SECRET="plain words", HF_ENDPOINT="http://me:pass@127.0.0.1:9")
        assert "does not import: RuntimeError: ******" in done.stdout
        assert not [word for word in (TOKEN, "plain words", "me:pass") if word in done.stdout + done.stderr]


def test_an_absent_optional_package_closes_its_row_and_not_the_miniature(folder: Path) -> None:
    found = _json(done := _doctor(folder, "--json", hide=("torchsde",)))
    assert done.returncode == ExitCode.DONE
    (lack,) = _rows(found)["schedulers: DPMSolverSDE"]["lacks"]
    assert lack["reason"] == "torchsde is not installed" and " install torchsde" in lack["line"].replace("'", "")
    assert _rows(found)["schedulers: DDIM"]["status"] == "open"


def test_an_absent_package_that_is_needed_is_missing(folder: Path) -> None:
    found = _json(done := _doctor(folder, "--json", hide=("mlflow",)))
    assert done.returncode == ExitCode.MISSING
    assert [lack["reason"] for lack in found["miniature"]["lacks"]] == ["mlflow is not installed"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [("raise ImportError('libcudart.so.12: cannot open shared object file')", "ImportError: libcudart.so.12"),
     ("import os; os.abort()", "killed its process (SIGABRT)")],
)  # fmt: skip
def test_a_torch_that_does_not_import_is_a_finding(folder: Path, source: str, reason: str) -> None:
    stubs(folder / "path", torch=source)
    found = _json(done := _doctor(folder, "--json"))
    assert done.returncode == ExitCode.MISSING
    lack = found["miniature"]["lacks"][0]
    assert reason in lack["reason"] and lack["line"].endswith("install --force-reinstall torch torchvision")
    assert found["facts"]["torch"] is None and found["facts"]["devices"] == []
    assert _rows(found)["tasks: text-to-image with mini-2.2"]["status"] == "closed"
    assert _rows(found)["metrics: outside_error"]["status"] == "open"


def test_a_torch_that_hangs_ends_in_time(folder: Path) -> None:
    stubs(folder / "path", torch="import threading; threading.Event().wait()")
    done = _doctor(folder, "--json", "--timeout", "2")
    assert done.returncode == ExitCode.MISSING
    assert "no answer before the 2 s" in _json(done)["miniature"]["lacks"][0]["reason"]


def test_a_hub_s_client_that_does_not_import_is_a_finding(folder: Path) -> None:
    stubs(folder / "path", **{"huggingface-hub": "raise ImportError('httpx')"})
    found = _json(done := _doctor(folder, "--json"))
    assert done.returncode == ExitCode.MISSING
    assert "does not import: ImportError: httpx" in found["facts"]["hub"]["reason"]


def test_a_place_for_the_store_that_is_a_file_is_missing(folder: Path) -> None:
    (folder / "file").write_text("")
    found = _json(done := _doctor(folder, "--json", "--store", "file"))
    assert done.returncode == ExitCode.MISSING and not found["facts"]["store"]["usable"]
    assert "is a file" in found["miniature"]["lacks"][0]["reason"]


def test_offline_is_respected(folder: Path) -> None:
    found = _json(_doctor(folder, "--json", HF_HUB_OFFLINE="1"))
    assert found["facts"]["hub"]["reached"] is None
    assert _rows(found)["models: kandinsky-3"]["lacks"][0]["line"].startswith("unset HF_HUB_OFFLINE && harness fetch")


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_a_time_limit_that_is_none_is_refused(folder: Path, value: str) -> None:
    assert _doctor(folder, "--timeout", value).returncode == ExitCode.USAGE


def _type(folder: Path, line: str, address: str) -> None:
    """A line as a person types it, in this environment and against that hub."""
    known = {name: value for name, value in unmeasured().items() if name != "HF_HUB_OFFLINE"}
    here = {"HF_HOME": str(folder / "hub"), "HOME": str(folder), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, cwd=folder, env=known | here)
    assert done.returncode == 0, done.stderr


def test_the_lines_that_are_given_open_what_is_closed(folder: Path) -> None:
    """From a hub that is really asked: first the scorer's line, then the model's."""
    row, scorer = MODELS["kandinsky-2.2"], WEIGHTS["ViT-B-32-laion2b"].place
    assert scorer is not None
    write_part(folder / "served" / row.parts["prior"].where, "prior", row.version)
    write_part(folder / "served" / row.parts["decoder"].where, "decoder", row.version)
    (folder / "served" / scorer.where).mkdir(parents=True)
    for name, content in {"open_clip_model.safetensors": safetensors(), "open_clip_config.json": b"{}",
                          "open_clip_pytorch_model.bin": b"a pickle"}.items():  # fmt: skip
        (folder / "served" / scorer.where / name).write_bytes(content)
    metric, task = "metrics: clip_score by ViT-B-32-laion2b", "tasks: text-to-image with kandinsky-2.2"
    with hub(folder / "served") as made:
        for name, other in ((metric, task), (task, None)):
            found = _rows(_json(_doctor(folder, "--json", HF_ENDPOINT=made.address)))
            assert found[name]["status"] == "closed"
            _type(folder, found[name]["lacks"][0]["line"], made.address)
            found = _rows(_json(_doctor(folder, "--json", HF_ENDPOINT=made.address)))
            assert not [lack for lack in found[name]["lacks"] if "not on this machine" in lack["reason"]]
            assert other is None or "not on this machine" in found[other]["lacks"][0]["reason"]
    assert not list((folder / "hub").rglob("*.bin"))


@pytest.mark.slow
def test_the_real_packages_work_and_the_command_itself_imports_none_of_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPY, "doctor", "--json"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    found = json.loads(done.stdout)
    assert code == 0, found["miniature"]
    assert set(HEAVY).isdisjoint(modules)
    import torch

    assert found["facts"]["torch"]["version"] == torch.__version__
    assert found["facts"]["devices"][0]["name"] == "cpu" and found["facts"]["devices"][0]["reason"] is None

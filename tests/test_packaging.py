"""What is installed: one package, with everything that it needs, and the dependencies that it imports."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WEIGHTS = "harness/miniature/weights/"
LARGEST_BYTES = 95_000_000  # of the wheel: package indexes refuse more than 100 MB
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".npy", ".npz")
#: Declared though `harness/` never imports them; docs/decisions/0001-dependencies.md says why.
NOT_IMPORTED = {"accelerate", "torchmetrics"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built as an installer builds it, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("kandinsky_harness-*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as it lies in ``site-packages``."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def _below(folder: str) -> set[str]:
    """Files of the working tree that belong into the wheel."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if not name.endswith("/")}
    assert {name.partition("/")[0] for name in names} == {
        "harness",
        f"kandinsky_harness-{PROJECT['version']}.dist-info",
    }
    ours = {name for name in names if name.startswith("harness/")}
    assert ours == _below("harness") | {f"harness/{name}" for name in _below("experiments")}


def test_the_wheel_holds_what_is_no_python(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for name in (
        "harness/catalog/generated/diffusers.json", "harness/report/templates/report.html.j2",
        "harness/report/templates/report.css", "harness/report/templates/report.md.j2",
        "harness/experiments/quickstart.yaml", "harness/experiments/prompts/held-out-captions.txt",
        "harness/experiments/spec.schema.json",
    ):  # fmt: skip
        assert name in names
    assert b"harness = harness.__main__:main" in wheel.read(f"{_info(wheel)}/entry_points.txt")


def test_weights_are_shipped_small_and_without_pickle(wheel: zipfile.ZipFile) -> None:
    files = {info.filename: info.file_size for info in wheel.infolist() if info.filename.startswith(WEIGHTS)}
    for part in ("mini-2.2/prior/prior", "mini-2.2/prior/text_encoder", "mini-2.2/prior/image_encoder",
                 "mini-2.2/decoder/unet", "mini-2.2/decoder/movq", "mini-2.2/inpaint/unet", "mini-2.2/controlnet/unet",
                 "mini-2.1/prior/prior",
                 "mini-2.1/decoder/text_encoder", "mini-2.1/inpaint/unet", "mini-3/decoder/unet",
                 "depth", "scorer", "extractor", "judge"):  # fmt: skip
        assert any(name.startswith(WEIGHTS + part) and name.endswith(".safetensors") for name in files), part
    assert Path(str(wheel.filename)).stat().st_size <= LARGEST_BYTES
    assert not [name for name in wheel.namelist() if name.endswith(PICKLES)]


_EXTRAS = ("sde", "int8", "nvml")  # of a user; `dev` is ours
IN_PLACE = """
import json, sys
from pathlib import Path
import harness
from harness.catalog.models import MODELS
from harness.pipelines.places import check_model
from harness.plan.build import plan_file
found = {name: len(plan_file(name).rows) for name in json.loads(sys.argv[1])}
for model in MODELS.values():
    if model.small:
        check_model(model, model.parts)
print(json.dumps([str(Path(harness.__file__).parents[1]), found]))
"""


def test_shipped_specs_and_weights_are_found_where_they_are_installed(installed: Path, tmp_path: Path) -> None:
    specs = sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", IN_PLACE, json.dumps(specs)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    where, found = json.loads(done.stdout)
    assert Path(where) == installed and set(found) == set(specs) and all(found.values())


def test_dependencies_are_the_packages_that_are_imported() -> None:
    homes = packages_distributions()
    imported = set().union(*(_imports(path) for path in (ROOT / "harness").rglob("*.py")))
    outside = {name for name in imported if name not in sys.stdlib_module_names and name != "harness"}
    assert outside <= set(homes), "imported and not installed"
    declared = {_plain(re.split(r"[<>=!~;\[ ]", line)[0]) for line in PROJECT["dependencies"]}
    wanted = {name: {_plain(home) for home in homes[name]} for name in outside}
    optional = {
        _plain(re.split(r"[<>=]", line)[0]) for extra in _EXTRAS for line in PROJECT["optional-dependencies"][extra]
    }
    known = declared | optional
    assert not {name: home for name, home in wanted.items() if not home & known}, "imported and not declared"
    assert declared - set().union(*wanted.values()) == NOT_IMPORTED, "declared and not imported"


def test_every_dependency_has_a_lower_bound_and_no_upper() -> None:
    for line in PROJECT["dependencies"]:
        assert re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", line), line


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text().lower()
    missing = [line for line in PROJECT["dependencies"] if line.partition(">=")[0] not in reasons]
    assert not missing


def _imports(path: Path) -> set[str]:
    """The top-level names that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _plain(name: str) -> str:
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _info(wheel: zipfile.ZipFile) -> str:
    return next(name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name)

"""The packages: what the shipped miniature needs, what opens more, and whether each is here, new enough and sound."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.run.doctor.asking import Answer
from harness.run.doctor.types import Package

DISTRIBUTION = "kandinsky-harness"


class PackageRow(NamedTuple):
    """A package and what to import of it: the part that breaks where its build does not fit."""

    name: str
    target: str
    purpose: str
    needed: bool = True
    stands_on: str | None = None  # a package above it in the table: what breaks that one breaks this one


PACKAGES: tuple[PackageRow, ...] = (
    PackageRow("torch", "torch", "computing"),
    PackageRow("torchvision", "torchvision.ops", "pictures' transforms", stands_on="torch"),
    PackageRow("transformers", "transformers:CLIPTextModelWithProjection", "text encoders, depth", stands_on="torch"),
    PackageRow("diffusers", "diffusers:KandinskyV22CombinedPipeline", "the pipelines", stands_on="torch"),
    PackageRow("accelerate", "accelerate", "loading, offloading", stands_on="torch"),
    PackageRow("safetensors", "safetensors", "weights"),
    PackageRow("tokenizers", "tokenizers", "texts"),
    PackageRow("huggingface-hub", "huggingface_hub", "the hub of models"),
    PackageRow("open-clip-torch", "open_clip", "CLIP scores", stands_on="torch"),
    PackageRow("torchmetrics", "torchmetrics", "metrics", stands_on="torch"),
    PackageRow("numpy", "numpy", "arrays"),
    PackageRow("scipy", "scipy.stats", "statistics"),
    PackageRow("pillow", "PIL.Image", "pictures"),
    PackageRow("mlflow", "mlflow", "tracking"),
    PackageRow("pandas", "pandas", "tables"),
    PackageRow("pyarrow", "pyarrow.parquet", "rows in the store"),
    PackageRow("altair", "altair", "charts"),
    PackageRow("vl-convert-python", "vl_convert", "charts as pictures"),
    PackageRow("jinja2", "jinja2", "the report's page"),
    PackageRow("markupsafe", "markupsafe", "the report's page"),
    PackageRow("pydantic", "pydantic", "specs and records"),
    PackageRow("pyyaml", "yaml", "specs"),
    PackageRow("psutil", "psutil", "memory, processor"),
    PackageRow("click", "click", "the command line"),
    PackageRow("rich", "rich", "the command line"),
    PackageRow("torchsde", "torchsde", "the scheduler DPMSolverSDE", needed=False, stands_on="torch"),
    PackageRow("xformers", "xformers.ops", "xFormers attention", needed=False, stands_on="torch"),
    PackageRow("torchao", "torchao.quantization", "int8 weights", needed=False, stands_on="torch"),
    PackageRow("triton", "triton", "torch.compile on a GPU", needed=False),
    PackageRow("nvidia-ml-py", "pynvml", "a GPU's energy", needed=False),
    PackageRow("ray", "ray", "more than one machine", needed=False),
)
MAKING = ("torch", "transformers", "diffusers", "accelerate", "safetensors", "tokenizers", "numpy", "pillow")
NEEDED = tuple(row.name for row in PACKAGES if row.needed)


def targets() -> list[str]:
    """What to ask the probe for, of the packages that are installed."""
    return [row.target for row in PACKAGES if installed_version(row.name) is not None]


def packages(answers: Mapping[str, Answer]) -> tuple[Package, ...]:
    """Every row of the table on this machine, in its order; ``answers`` are the probe's."""
    least, found = least_versions(), dict[str, Package]()
    for row in PACKAGES:
        found[row.name] = _package(row, answers.get(row.target), least.get(row.name), found)
    return tuple(found.values())


def _package(row: PackageRow, answer: Answer | None, least: str | None, above: Mapping[str, Package]) -> Package:
    version, wanted = installed_version(row.name), f"{row.name}>={least}" if least else row.name
    found = Package(name=row.name, needed=row.needed, purpose=row.purpose, version=version, least=least, state="works")
    install = f"{pip()} install {shlex.quote(wanted)}"
    if version is None:
        return _faulty(found, "missing", f"{row.name} is not installed", install)
    if least is not None and release(version) < release(least):
        return _faulty(found, "too old", f"{row.name} {version} is older than {least}", install)
    if answer is None or answer.error is None:
        return found
    base = above.get(row.stands_on or "")
    if base is not None and base.state not in ("works", "not looked at"):
        return _faulty(found, "broken", f"{row.name} stands on {base.name}: {base.reason}", base.line)
    if not answer.asked:
        return _faulty(found, "not looked at", f"{row.name} was {answer.error}", None)
    again = f"{pip()} install --force-reinstall {' '.join(map(shlex.quote, _together(row.name, wanted)))}"
    return _faulty(found, "broken", f"{row.name} {version} does not import: {answer.error}", again)


def _together(name: str, wanted: str) -> tuple[str, ...]:
    """Builds of torch and torchvision fit each other only in pairs."""
    return ("torch", "torchvision") if name in ("torch", "torchvision") else (wanted,)


def _faulty(found: Package, state: str, reason: str, line: str | None) -> Package:
    return Package.model_validate({**found.model_dump(), "state": state, "reason": reason, "line": line})


def installed_version(name: str) -> str | None:
    """The installed version; ``None`` if it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def least_versions() -> dict[str, str]:
    """Package → the lowest version that the harness declares, its extras' included; empty if it is not installed."""
    try:
        declared = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = (re.match(r"([A-Za-z0-9._-]+?)\s*>=\s*([0-9][\w.]*)", text) for text in declared)
    return {match[1].lower(): match[2] for match in found if match is not None}


def release(version: str) -> tuple[int, ...]:
    """``2.14.1+cu128`` as (2, 14, 1), without zeros at its end: what a lower bound is compared with."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def pip() -> str:
    """The command that installs into this very environment."""
    if importlib.util.find_spec("pip") is None and (uv := shutil.which("uv")) is not None:
        return f"{Path(uv).name} pip"
    beside = shutil.which("pip")
    if beside is not None and Path(beside).parent == Path(sys.executable).parent:
        return "pip"
    return f"{shlex.quote(sys.executable)} -m pip"

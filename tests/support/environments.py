"""Environments for `harness ab`: venvs of links to what torch, diffusers and transformers require, and fakes."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from harness.run.guest import LENT, Guest

_PYTHON = sys.executable
_FAKE = Path(__file__).parent / "fake_worker.py"
_RECORDER = """
import atexit, json, os, sys
def record():
    roots = {name.partition(".")[0]: getattr(module, "__file__", None) for name, module in list(sys.modules.items())
             if "." not in name}
    if "harness" in roots:
        with open(%r, "w") as file:
            json.dump(roots, file)
atexit.register(record)
"""


def stripped(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """A venv with torch, diffusers, transformers and what they require, and nothing else: no pydantic of its own.

    Every process in it that imports our package leaves ``modules.json`` in the folder when it ends: each top-level
    module that it had, and the module's file.
    """
    subprocess.run([_PYTHON, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    wanted = ["torch", "diffusers", "transformers"]
    seen: set[str] = {*without, *(_plain(name) for name in LENT if name != "typing_extensions")}
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            wanted += _linked(name, site)
    (site / "sitecustomize.py").write_text(_RECORDER % str(folder / "modules.json"))
    return folder


def patch(folder: Path, module: str, old: str, new: str) -> None:
    """Change one file of a venv's diffusers, which is a link to ours: the folders above it become folders of links."""
    site = next(folder.glob("lib/python*/site-packages"))
    path = site
    for part in Path(module).parts:
        path = path / part
        if path.is_symlink():
            target = path.resolve()
            path.unlink()
            if target.is_dir():
                path.mkdir()
                for one in target.iterdir():
                    (path / one.name).symlink_to(one)
            else:
                text = target.read_text()
                assert text.count(old) == 1, f"{old!r} is in {module} {text.count(old)} times"
                path.write_text(text.replace(old, new))


def fake(folder: Path, name: str, **variables: str) -> Guest:
    """A fake worker as an environment; it notes its name in ``folder``/order whenever one starts."""
    path = folder / f"python-{name}"
    said = "\n".join(f"export {key}={value}" for key, value in variables.items())
    path.write_text(f'#!/bin/sh\necho {name} >> "{folder}/order"\n{said}\nexec "{_PYTHON}" "{_FAKE}"\n')
    path.chmod(0o755)
    return Guest(name, path)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _linked(name: str, site: Path) -> Iterator[str]:
    """Link a distribution's files into a folder; what it requires."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return
    for top in {Path(str(file)).parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
        target, link = Path(str(found.locate_file(top))), site / top
        if target.exists() and not link.exists():
            link.symlink_to(target)
    for requirement in map(Requirement, found.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _plain(requirement.name)

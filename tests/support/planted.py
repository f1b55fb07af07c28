"""Real runs of the harness with a fault planted in every one of their processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from support import planted_faults
from support.planted_faults import VARIABLE

_ROOT = Path(__file__).parents[2]


def planted_environment(folder: Path, fault: str) -> dict[str, str]:
    """The variables of a process in which ``fault`` is planted; ``folder`` is made and holds the planted file."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(planted_faults.__file__, folder / "sitecustomize.py")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, VARIABLE: fault}


def planted_python(folder: Path, fault: str) -> Path:
    """A virtual environment with the packages of this one, in whose Python ``fault`` is planted; gives its folder."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copy(planted_faults.__file__, packages / "planted_faults.py")
    (packages / "sitecustomize.py").write_text(
        f"import os\nos.environ[{VARIABLE!r}] = {fault!r}\nimport planted_faults\n"
    )
    return folder


def harness(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One call of the real command, with more variables."""
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
    return subprocess.run(command, env=variables, cwd=_ROOT, capture_output=True, text=True, check=False)

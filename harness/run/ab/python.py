"""From ``--env NAME=PATH`` to a Python that a worker can run in, or why none can; asked with its standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.base import Frozen
from harness.errors import HarnessError, MissingError, UsageError
from harness.run.guest import Guest

NEEDED = ("torch", "diffusers", "transformers")
_OLDEST = (3, 11)
_LEAST_PYDANTIC = (2, 12)
_PATIENCE_S = 180
#: Runs in any Python 3. Its own folder is no place to look for packages in.
_LOOK = """
import sys
sys.path[:] = sys.path[1:]
import importlib.util, json, sysconfig
def version(name):
    try:
        from importlib.metadata import version
        return version(name)
    except Exception:
        return None
names = ("torch", "diffusers", "transformers", "pydantic")
there = {name: version(name) or "unknown" for name in names if importlib.util.find_spec(name) is not None}
print(json.dumps({"version": sys.version_info[:3], "name": sys.implementation.name,
                  "abi": sysconfig.get_config_var("SOABI"), "there": there}))
"""


class Seen(Frozen):
    """What a Python says of itself: version, implementation, the ABI of compiled packages, and which of ours it has."""

    version: tuple[int, int, int]
    name: str
    abi: str | None
    there: dict[str, str]

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.name} {'.'.join(map(str, self.version))} ({self.abi})"


def guests(texts: Sequence[str]) -> tuple[Guest, Guest]:
    """The two environments of a command line, each looked at.

    Raises:
        UsageError: not two of them, or one whose Python cannot be ours.
        MissingError: there is no such Python, or it lacks a package.
    """
    if len(texts) != 2:
        raise UsageError(
            f"{len(texts)} environments were named.", expected="two", do="name the old one first: --env OLD --env NEW"
        )
    named = [_named(text) for text in texts]
    if named[0][0] == named[1][0]:
        named = [(f"{name}-{side}", path) for (name, path), side in zip(named, "ab", strict=True)]
    first, second = (_guest(name, path) for name, path in named)
    return first, second


def _named(text: str) -> tuple[str, Path]:
    """``NAME=PATH`` or ``PATH``; of a path alone the environment's folder gives the name."""
    name, equals, rest = text.partition("=")
    if equals and name and os.sep not in name and not Path(text).exists():
        return name, _python(Path(rest))
    python = _python(Path(text))
    folder = python.parent.parent if python.parent.name in ("bin", "Scripts") else python.parent
    return folder.name or python.name, python


def _python(path: Path) -> Path:
    """The executable: the file itself, or the one of a venv's folder; a link stays one, or a venv would be lost."""
    path = path.expanduser().absolute()
    inside = [path / "bin" / "python", path / "Scripts" / "python.exe"]
    found = next((one for one in (path, *inside) if one.is_file()), None)
    if found is None:
        what = "is no environment: it has no bin/python" if path.is_dir() else "is not there"
        raise MissingError(
            f"{path} {what}.",
            expected="a Python's executable, or the folder of an environment that `python -m venv` made",
            do="`python -m venv FOLDER` makes one; then install torch, diffusers and transformers in it",
        )
    return found


def _guest(name: str, python: Path) -> Guest:
    seen = _look(name, python)
    _refuse_old(name, seen)
    lacking = [package for package in NEEDED if package not in seen.there]
    if lacking:
        raise MissingError(
            f"The environment {name} has no {' and no '.join(lacking)} ({python}, {seen.words}).",
            expected="torch, diffusers and transformers",
            do=f"{python} -m pip install {' '.join(lacking)}",
        )
    borrows = "pydantic" not in seen.there
    (_refuse_foreign if borrows else _refuse_old_pydantic)(name, python, seen)
    return Guest(name, python, borrows)


def _look(name: str, python: Path) -> Seen:
    command, variables = [str(python), "-c", _LOOK], Guest(name, python).environment(os.environ)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            env=variables,
            check=False,
        )
        if done.returncode == 0:
            content: Any = json.loads(done.stdout.strip().splitlines()[-1])
            return Seen.model_validate(content)
        told = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        told = f"{type(error).__name__}: {error}"
    raise MissingError(
        f"The environment {name} has no Python that answers: {python} gave {told[-300:]}",
        expected="a Python's executable that runs on this machine",
        do="try it by hand with --version; a moved environment has to be made anew",
    )


def _refuse_old(name: str, seen: Seen) -> None:
    if seen.version < _OLDEST:
        raise _wrong(name, seen, f"Python {'.'.join(map(str, _OLDEST))} or newer, which the worker is written for")


def _refuse_foreign(name: str, python: Path, seen: Seen) -> None:
    """Our pydantic is compiled: it can be lent to a Python with the same ABI only."""
    ours = sysconfig.get_config_var("SOABI")
    if seen.abi is None or seen.abi != ours:
        raise _wrong(
            name, seen, f"the ABI of this Python ({ours}), to which ours can be lent, or a pydantic of its own", python
        )


def _refuse_old_pydantic(name: str, python: Path, seen: Seen) -> None:
    version = seen.there["pydantic"]
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    if tuple(numbers) < _LEAST_PYDANTIC:
        raise MissingError(
            f"The environment {name} has pydantic {version}.",
            expected=f"{'.'.join(map(str, _LEAST_PYDANTIC))} or newer, or none: it is lent ours then",
            do=f"{python} -m pip install 'pydantic>={'.'.join(map(str, _LEAST_PYDANTIC))}'",
        )


def _wrong(name: str, seen: Seen, expected: str, python: Path | None = None) -> HarnessError:
    found = f"The environment {name} is {seen.words}" + (" and has no pydantic." if python else ".")
    install = f"{python} -m pip install 'pydantic>={'.'.join(map(str, _LEAST_PYDANTIC))}'; or " if python else ""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return UsageError(found, expected=expected, do=f"{install}make the environment with Python {ours}, as this one is")

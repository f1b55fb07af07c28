"""A Python that is not ours, in which a worker runs: how it is started, and what is lent to it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import harness
from harness.catalog.diffusers_table import TABLES
from harness.errors import MissingError

#: What our records are made of, and nothing of diffusers, torch or transformers brings. Compiled: for one ABI only.
LENT = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")
_DOOR = Path(__file__).parent / "ab" / "door.py"
_OURS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class Guest:
    """An environment under test: its name for people, and its Python (not resolved: a venv's is a link).

    ``borrows``: it has no pydantic, and is lent ours. Nothing else of our environment can be imported there but our own
    package, and that comes from here whatever is installed there. ``tables``: where diffusers' table of it is kept.
    """

    name: str
    python: Path
    borrows: bool = False
    tables: Path | None = None

    def command(self, module: str) -> list[str]:
        """What starts one of our modules in it."""
        lent = {name: place_of(name) for name in LENT} if self.borrows else {}
        ours = {"harness": str(Path(harness.__file__).parent.parent)}
        return [str(self.python), "-P", str(_DOOR), json.dumps({"first": ours, "last": lent}), module]

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """Our environment's variables without those that would bring our packages into it."""
        kept = {name: value for name, value in ours.items() if name not in _OURS}
        return kept if self.tables is None else {**kept, TABLES: str(self.tables)}


@cache
def place_of(name: str) -> str:
    """The folder that one of our packages lies in.

    Raises:
        MissingError: it cannot be found as files, and so not be lent.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingError(f"{name} cannot be lent: it is not installed here as files.", do=f"pip install {name}")
    origin = Path(spec.origin)
    return str(origin.parent.parent if origin.name == "__init__.py" else origin.parent)

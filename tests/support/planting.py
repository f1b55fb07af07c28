"""A fault planted in every Python process of an environment: code that runs once a module of ours is imported."""

from __future__ import annotations

import os
from pathlib import Path

_FINDER = """
import importlib.abc, importlib.util, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "{module}":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            plant(module)
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


def planted_path(folder: Path, module: str, code: str) -> dict[str, str]:
    """The variable of an environment in which ``plant(module)`` of ``code`` is called; ``folder`` holds the file."""
    (folder / "sitecustomize.py").write_text(code + _FINDER.format(module=module))
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))}

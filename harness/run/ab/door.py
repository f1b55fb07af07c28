"""How a module of ours starts in a Python that is not: ``python -P door.py LENT MODULE``. Standard library only.

``LENT`` is JSON: ``first`` and ``last``, each package → folder. A package of ``first`` is taken from there, whatever
the environment has; one of ``last`` only if it has none. Nothing else of those folders can be imported.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder


class Lender(MetaPathFinder):
    """Finds top-level packages by name, each in a folder of its own, and no other."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        """The spec of a lent package; what lies in it is found by its own path."""
        place = self._places.get(name)
        return None if place is None else PathFinder.find_spec(name, [place], target)


def main() -> None:
    """Lend, and become the module."""
    lent, module = json.loads(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]
    sys.meta_path.insert(0, Lender(lent["first"]))
    sys.meta_path.append(Lender(lent["last"]))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

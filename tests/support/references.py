"""The reference implementations: of the environment, or of the folder that ``HARNESS_REFERENCES`` names."""

from __future__ import annotations

import importlib
import importlib.metadata
import math
import os
import sys
from typing import Any

from support.agreement import ABSENT, Agreement

FOLDER = "HARNESS_REFERENCES"  # where the reference packages are, if not in the environment


def reference(module: str, *others: str) -> Any:
    """A reference's module, with others of its own imported; ``None`` where it is not installed."""
    if (folder := os.environ.get(FOLDER)) and folder not in sys.path:
        sys.path.append(folder)
    try:
        package = importlib.import_module(module)
        for other in others:
            importlib.import_module(f"{module}.{other}")
    except ImportError:
        return None
    return package


def called(name: str) -> str:
    """A package with its version."""
    return f"{name} {importlib.metadata.version(name)}"


def absent(metric: str, name: str, case: str, bar: float) -> Agreement:
    """The line of a reference that could not be had."""
    return Agreement(metric, f"{name}: {ABSENT}", case, math.nan, math.nan, math.nan, bar)

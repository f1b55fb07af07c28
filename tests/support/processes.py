"""Processes that tests start."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """This process's environment without coverage's hooks: a killed process would leave half a data file behind."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
